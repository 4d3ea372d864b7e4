"""A model card contains the records' values, and no other numbers."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import ModelCard
from model_cards import FACTS, HOSTILE, facts, snippet
from task_words import WORDS
from weather import CURVES, METRICS, TABLES

from sweep.cli.adapter_export.model_card import measured, model_card
from sweep.study.measures import Measures

TEST = {
    "mcc": 0.40231, "mcc_low": 0.35229, "mcc_high": 0.44137, "pr_auc": 0.38331,
    "pr_auc_low": 0.34449, "pr_auc_high": 0.42551, "residues": 190596, "positives": 4616,
}  # fmt: skip
STATIC = {"95", "0", "1", "0.5"}
"""Numbers of the template itself: the intervals' level, the classes, argmax's threshold."""


def numbers(tree: Any) -> Iterator[float]:
    """All numbers of a record, including those in its texts."""
    if isinstance(tree, dict):
        for name, branch in tree.items():
            yield from numbers(name)
            yield from numbers(branch)
    elif isinstance(tree, (list, tuple)):
        yield float(len(tree))
        for branch in tree:
            yield from numbers(branch)
    elif isinstance(tree, str):
        yield from (float(each) for each in re.findall(r"\d+(?:\.\d+)?", tree))
    elif isinstance(tree, (int, float)) and not isinstance(tree, bool):
        yield float(tree)


def unknown_numbers(card: str, records: dict[str, Any]) -> list[str]:
    """Numbers of a card that are in no record, also rounded."""
    known = set(numbers(records))
    found = re.findall(r"(?<![\w.])-?\d[\d,]*(?:\.\d+)?(?:e-?\d+)?(?![\w])", card)
    unknown = []
    for text in found:
        plain = text.replace(",", "").rstrip(",")
        digits = len(plain.partition(".")[2])
        near = any(f"{abs(value):.{digits}f}" == plain.lstrip("-") for value in known)
        if plain not in STATIC and not near and float(plain) not in known:
            unknown.append(text)
    return unknown


@pytest.mark.parametrize(
    "records", [facts(), facts(test=TEST), facts(retrained=True, value=0.432170001)], ids=str
)
def test_every_number_is_from_a_record(records: dict[str, Any]) -> None:
    """A number that is not would be found."""
    card = model_card(records)

    assert unknown_numbers(card, records) == []
    assert unknown_numbers(f"{card} 0.7777 or 12,345", records) == ["0.7777", "12,345"]


def test_metrics_are_shown_with_their_intervals() -> None:
    """Validation only, or with the test split that was scored once."""
    alone, both = model_card(facts()), model_card(facts(test=TEST))

    assert "| MCC at argmax | 0.4322 | 0.3813 to 0.4772 |" in alone
    assert "No test split was scored" in alone
    assert "| 0.3813 to 0.4772 | 0.4023 | 0.3523 to 0.4414 |" in both
    assert "| PR AUC (average precision) | 0.4177 |  | 0.3833 | 0.3445 to 0.4255 |" in both
    assert "The test split was scored once" in both
    assert "| `ATP` | 0.3932 | 0.3112 | 0.8777 | 911 |" in alone
    assert "| `ZN` | 0.5711 | 0.6222 |  | 713 |" in alone
    assert "0.3172840918" in alone


def test_all_adapted_modules_are_listed() -> None:
    """With the short names, the count, and the code to paste."""
    card = model_card(facts())

    for module in FACTS["details"]["modules"]:
        assert f"- `{module}`\n" in card
    assert "All 6 adapted modules" in card
    assert r"    target_modules='.*\\.\\d+\\.output\\.dense'," in card
    assert "`targets` `wide`" in card
    assert "- seed: `3`" in card


def test_the_hub_parses_the_front_matter() -> None:
    """Base, licence, library and results, as huggingface_hub reads them."""
    card = ModelCard(model_card(facts(test=TEST), "cc-by-4.0"))
    data = card.data

    assert (data.base_model, data.library_name, data.license) == (
        "facebook/esm2_t6_8M_UR50D", "peft", "cc-by-4.0",
    )  # fmt: skip
    assert data.datasets == ["someone/binding"]
    assert {"lora", "qlora"} <= set(data.tags)
    results = {(r.dataset_split, r.metric_name): r.metric_value for r in data.eval_results}
    assert results["validation", "MCC at argmax (validation)"] == 0.43217
    assert results["test", "MCC at argmax (test)"] == 0.40231
    assert len(results) == 8 + 2


@pytest.mark.parametrize("name", ["/home/me/esm2", "builtin:esm2-mini", "./esm2", "a/b/c", HOSTILE])
def test_the_front_matter_has_only_names_of_the_hub(name: str) -> None:
    """Paths and built-ins are named only in the text, a path by its last part."""
    card = model_card(facts(record__base=name, inputs={"data": name}))
    data = ModelCard(card).data

    assert data.base_model is None
    assert data.datasets is None
    assert "/home/me" not in card.replace(repr(name), "")


def test_a_local_folder_is_no_hub_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Although it may look like one."""
    (tmp_path / "someone" / "esm2").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    here = ModelCard(model_card(facts(record__base="someone/esm2"))).data
    elsewhere = ModelCard(model_card(facts(record__base="someone/esm3"))).data

    assert (here.base_model, elsewhere.base_model) == (None, "someone/esm3")


@pytest.mark.parametrize(
    ("changes", "has", "lacks"),
    [
        (
            {},
            ["bnb_4bit_compute_dtype=torch.float32", "avx512bf16", "(sequence, return", "1:-1]"],
            ["autocast", "trust_remote"],
        ),
        (
            {"record__load__compute_dtype": "bfloat16"},
            ["bnb_4bit_compute_dtype=torch.bfloat16", "autocast(model.device.type, dtype=torch.bf"],
            ["avx512bf16"],
        ),
        ({"record__load__four_bit": None}, [], ["BitsAndBytes", "avx512", "quantization_config"]),
        ({"record__load__trust_remote_code": True}, ["base, trust_remote_code=True)"], []),
        ({"record__load__embedded": ["a.b", "c_d"]}, ["files('a.b') / 'c_d'"], ["facebook"]),
        (
            {"record__load__tokens": {"fill": "", "gap": " ", "before": 0, "after": 1}},
            ["tokenizer(' '.join(sequence), return", "logits[0, :-1]"],
            ["<cls>"],
        ),
        (
            {"record__load__tokens": {"fill": "#", "gap": "", "before": 2, "after": 0}},
            ["tokenizer(''.join(letter + '#' for letter in sequence), return", "logits[0, 2:]"],
            ["<cls>"],
        ),
    ],
    ids=["plain", "bfloat16", "unquantised", "own code", "embedded", "spaced", "two letters"],
)
def test_the_code_loads_the_trained_configuration(
    changes: dict[str, Any], has: list[str], lacks: list[str]
) -> None:
    """As in the record, and it is valid Python."""
    card = model_card(facts(**changes))
    code = snippet(card)
    ast.parse(code)

    assert [text for text in has if text not in code] == []
    assert [text for text in lacks if text in code] == []
    assert ("but for rounding" in card) is ("autocast" in code)


def test_unknown_values_are_left_out() -> None:
    """An objective with fewer records has a shorter card, without empty metrics."""
    records = facts(
        data={}, base={}, baselines=[], details={"modules": ["a.b"]}, spec_digest=None,
        inputs={}, metrics={"mcc": 0.43217}, is_best=False,
    )  # fmt: skip
    card = model_card(records)

    assert unknown_numbers(card, records) == []
    assert "None" not in snippet(card)
    assert "ROC" not in card
    assert "if its validation MCC chose it" in card


def test_the_objective_s_own_words_are_used() -> None:
    """Titles, units, intervals and groups of another field, and no word about binding."""
    given = facts(
        measures=Measures(METRICS, TABLES, CURVES).to_json(),
        value_name="RMSE",
        metrics={
            "rmse": 2.25,
            "rmse_low": 2.125,
            "rmse_high": 2.5,
            "train_rmse": 1.75,
            "bias": -0.25,
            "stations": 12,
            "per_station": {"north": {"rmse": 2.0}},
        },
    )

    card = "\n".join(measured(given))

    assert "| root mean square error (K) | 2.2500 | 2.1250 to 2.5000 |" in card
    assert "| mean deviation (K) | -0.2500 |" in card
    assert "stations |" not in card
    assert "| station (validation) | RMSE |" in card
    assert "On training data the root mean square error (K) is 1.7500." in card
    assert "Baselines of the study (RMSE): head only 0.2111; head only 0.2007." in card
    assert not WORDS.search(card)
