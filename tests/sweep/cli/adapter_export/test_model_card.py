"""A model card says what the records say, whatever they hold, and not a figure more."""

from __future__ import annotations

import ast
import copy
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from huggingface_hub import ModelCard
from markdown_it import MarkdownIt
from task_words import WORDS
from weather import CURVES, METRICS, TABLES

from objectives.binding.measures import MEASURES
from sweep.cli.adapter_export.model_card import measured, model_card
from sweep.errors import SweepError
from sweep.study.measures import Measures
from sweep.terminal.printable import printable

FACTS: dict[str, Any] = {
    "study": "rank or targets",
    "storage": "sqlite:///runs/rank/study.db",
    "objective": "objectives.binding.objective:BindingObjective",
    "spec_digest": "3f9a12",
    "trial": 17,
    "study_value": 0.43217,
    "value": 0.43217,
    "retrained": False,
    "is_best": True,
    "complete": 61,
    "params": {"rank": 8, "scaling": 2.5, "targets": "key+mlp.down+query", "learning_rate": 0.0031},
    "labels": {"key+mlp.down+query": "wide"},
    "replicate": 0,
    "metrics": {
        "mcc": 0.43217,
        "mcc_low": 0.38127,
        "mcc_high": 0.47718,
        "mcc_at_threshold": 0.46619,
        "mcc_at_threshold_low": 0.42213,
        "mcc_at_threshold_high": 0.50112,
        "precision": 0.52331,
        "recall": 0.36127,
        "precision_at_threshold": 0.47291,
        "recall_at_threshold": 0.48835,
        "pr_auc": 0.41773,
        "roc_auc": 0.89917,
        "residues": 161212,
        "positives": 4332,
        "train_mcc": 0.55721,
        "per_ligand": {
            "ATP": {"mcc": 0.39321, "recall": 0.31117, "roc_auc": 0.87773, "positives": 911},
            "ZN": {"mcc": 0.57113, "recall": 0.62221, "roc_auc": None, "positives": 713},
        },
    },
    "test": {},
    "details": {
        "modules": [f"esm.encoder.layer.{i}.output.dense" for i in range(6)],
        "trainable_parameters": 77442,
        "adapter_parameters": 76800,
        "device": "cpu",
        "lora_config": {
            "r": 8, "lora_alpha": 20, "target_modules": r".*\.\d+\.output\.dense",
            "lora_dropout": 0.05, "use_rslora": False, "modules_to_save": ["classifier"],
            "task_type": "TOKEN_CLS",
        },
    },
    "record": {
        "number": 17,
        "seed": 3,
        "threshold": 0.3172840918,
        "base": "facebook/esm2_t6_8M_UR50D",
        "settings": {"epochs": 2, "warmup": 0.1, "class_weight": 6},
        "fingerprints": {"data": "9fa9396c637d", "base": "bf2f033987612c8f"},
        "load": {
            "labels": 2,
            "dtype": "float32",
            "compute_dtype": "float32",
            "four_bit": {
                "load_in_4bit": True, "bnb_4bit_quant_type": "nf4",
                "bnb_4bit_use_double_quant": True, "llm_int8_skip_modules": ["classifier"],
            },
            "trust_remote_code": False,
            "embedded": None,
            "max_residues": 1022,
        },
    },
    "baselines": [{"name": "head only", "value": 0.21113}, {"name": "head only", "value": 0.20071}],
    "measures": MEASURES.to_json(),
    "value_name": "validation MCC",
    "inputs": {"data": "someone/binding", "base": "facebook/esm2_t6_8M_UR50D"},
    "data": {
        "splits": {
            "train": {"chains": 3348, "residues": 913536, "positives": 22845, "windows": 3351},
            "validation": {"chains": 595, "residues": 161212, "positives": 4332, "windows": 596},
        },
        "ligands": {"ATP": 3436, "ZN": 5161},
        "split_method": "15% carved out by whole clusters, seed 0",
        "merged": 450,
        "dropped_overlap": 0,
    },
    "base": {"name": "facebook/esm2_t6_8M_UR50D", "parameters": 7408960},
    "versions": {"lorasweep": "0.1.0", "torch": "2.13.0+cpu", "peft": "0.21.2"},
}  # fmt: skip
TEST = {
    "mcc": 0.40231, "mcc_low": 0.35229, "mcc_high": 0.44137, "pr_auc": 0.38331,
    "pr_auc_low": 0.34449, "pr_auc_high": 0.42551, "residues": 190596, "positives": 4616,
}  # fmt: skip
HOSTILE = (
    "a: b\n---\nlicense: mit\n# big `code` <script>x</script> |\n"
    "```\n[go](http://x) *b* $m$ \u2028 ~"
)

STATIC = {"95", "0", "1", "0.5"}
"""Numbers of the template itself: the intervals' level, the classes, where argmax decides."""


def facts(**changes: Any) -> dict[str, Any]:
    """The records above, some replaced; ``a__b`` is ``b`` in ``a``."""
    tree = copy.deepcopy(FACTS)
    for name, value in changes.items():
        *above, last = name.split("__")
        branch = tree
        for part in above:
            branch = branch[part]
        branch[last] = value
    return tree


def numbers(tree: Any) -> Iterator[float]:
    """All numbers of a record, those within its texts too."""
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


def strangers(card: str, records: dict[str, Any]) -> list[str]:
    """Numbers of a card that are no record's, nor a record's rounded to as many digits."""
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


def snippet(card: str) -> str:
    """The first block of Python in it."""
    found = re.search(r"^(`{3,})python\n(.*?)^\1$", card, flags=re.DOTALL | re.MULTILINE)
    assert found is not None
    return found[2]


def rendered(card: str) -> str:
    """The text of a card as a reader sees it, in HTML."""
    text = card.split("\n---\n", 1)[1]
    return str(MarkdownIt("commonmark", {"html": True}).enable("table").render(text))


@pytest.mark.parametrize(
    "records", [facts(), facts(test=TEST), facts(retrained=True, value=0.432170001)], ids=str
)
def test_every_number_is_a_records(records: dict[str, Any]) -> None:
    """And one that is not would be noticed."""
    card = model_card(records)

    assert strangers(card, records) == []
    assert strangers(f"{card} 0.7777 or 12,345", records) == ["0.7777", "12,345"]


def test_the_figures_stand_with_their_intervals() -> None:
    """Validation alone, or beside the test split that was scored once."""
    alone, both = model_card(facts()), model_card(facts(test=TEST))

    assert "| MCC at argmax | 0.4322 | 0.3813 to 0.4772 |" in alone
    assert "No test split was scored" in alone
    assert "| 0.3813 to 0.4772 | 0.4023 | 0.3523 to 0.4414 |" in both
    assert "| PR AUC (average precision) | 0.4177 |  | 0.3833 | 0.3445 to 0.4255 |" in both
    assert "The test split was scored once" in both
    assert "| `ATP` | 0.3932 | 0.3112 | 0.8777 | 911 |" in alone
    assert "| `ZN` | 0.5711 | 0.6222 |  | 713 |" in alone
    assert "0.3172840918" in alone


def test_what_was_adapted_is_listed_in_full() -> None:
    """Beside the short names, the count, and what to paste."""
    card = model_card(facts())

    for module in FACTS["details"]["modules"]:
        assert f"- `{module}`\n" in card
    assert "All 6 adapted modules" in card
    assert r"    target_modules='.*\\.\\d+\\.output\\.dense'," in card
    assert "`targets` `wide`" in card
    assert "- seed: `3`" in card


def test_the_hub_reads_the_front_matter() -> None:
    """Base, licence, library and results, as huggingface_hub understands them."""
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
def test_the_hub_is_told_no_name_that_it_cannot_know(name: str) -> None:
    """Paths and built-ins are named in the text alone, a path by its last part."""
    card = model_card(facts(record__base=name, inputs={"data": name}))
    data = ModelCard(card).data

    assert data.base_model is None
    assert data.datasets is None
    assert "/home/me" not in card.replace(repr(name), "")


def test_a_folder_of_this_machine_is_no_hub_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Although it may be written like one."""
    (tmp_path / "someone" / "esm2").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    here = ModelCard(model_card(facts(record__base="someone/esm2"))).data
    elsewhere = ModelCard(model_card(facts(record__base="someone/esm3"))).data

    assert (here.base_model, elsewhere.base_model) == (None, "someone/esm3")


def hostile(text: str) -> dict[str, Any]:
    """Records that hold a text wherever a study may name something."""
    return facts(
        study=text,
        storage=text,
        record__base=f"/models/{text}",
        labels={"key+mlp.down+query": text},
        data__ligands={text: 3},
        data__split_method=text,
        details__modules=[text],
        versions={text: text},
        baselines=[{"name": text, "value": 0.1}],
        inputs={"data": text},
        record__settings={text: text},
        metrics__per_ligand={text: {"mcc": 0.1, "recall": 0.2, "roc_auc": 0.3, "positives": 4}},
    )


def test_hostile_texts_stay_text() -> None:
    """They open no heading, link, tag, block or key, and are there to be read."""
    records = hostile(HOSTILE)
    one = {"metrics__per_ligand": {"ATP": FACTS["metrics"]["per_ligand"]["ATP"]}}
    card, plain = model_card(records), model_card(facts(**one))
    shown, usual = rendered(card), rendered(plain)
    front = yaml.safe_load(card.split("\n---\n")[0].removeprefix("---\n"))

    assert front["model-index"][0]["name"] == printable(f"{HOSTILE} trial 17")
    assert front["license"] == ModelCard(card).data.license == "unknown"
    for tag in ("h1", "h2", "h3", "a", "script", "em", "table", "pre", "details", "hr", "td"):
        assert shown.count(f"<{tag}") == usual.count(f"<{tag}"), tag
    assert shown.count("a: b --- license: mit") > 8
    ast.parse(snippet(card))
    assert json.dumps(HOSTILE)[1:20] in card


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
def test_the_code_loads_what_was_trained(
    changes: dict[str, Any], has: list[str], lacks: list[str]
) -> None:
    """As the record says, and it is Python."""
    card = model_card(facts(**changes))
    code = snippet(card)
    ast.parse(code)

    assert [text for text in has if text not in code] == []
    assert [text for text in lacks if text in code] == []
    assert ("but for rounding" in card) is ("autocast" in code)


def test_what_is_not_known_is_not_said() -> None:
    """A study whose objective told less has a shorter card, and no empty figures."""
    records = facts(
        data={}, base={}, baselines=[], details={"modules": ["a.b"]}, spec_digest=None,
        inputs={}, metrics={"mcc": 0.43217}, is_best=False,
    )  # fmt: skip
    card = model_card(records)

    assert strangers(card, records) == []
    assert "None" not in snippet(card)
    assert "ROC" not in card
    assert "if its validation MCC chose it" in card


CONTROLS = "\x1b[31m\x00\x07\x9b\u202e\u2066 \ud800 '\"\\ #{x}"


@pytest.mark.parametrize("text", [CONTROLS, "=cmd|' /C calc'!A0"])
def test_nothing_in_a_card_is_obeyed(text: str) -> None:
    """No terminal, no YAML and no Python reads a name as anything but a name."""
    records = hostile(text)
    card = model_card(records)

    assert card.replace("\n", "").isprintable()
    card.encode()
    front = yaml.safe_load(card.split("\n---\n")[0].removeprefix("---\n"))
    assert front["model-index"][0]["name"] == printable(f"{text} trial 17")
    tree = ast.parse(snippet(card))
    assert ast.literal_eval(named(tree, "base")) == records["record"]["base"]


def named(tree: ast.Module, name: str) -> ast.expr:
    """What is assigned to a name."""
    found = (each for each in tree.body if isinstance(each, ast.Assign))
    return next(each.value for each in found if ast.unparse(each.targets[0]) == name)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("record__load__dtype", "float32, trust_remote_code=True"),
        ("record__load__compute_dtype", "float32).system('x'"),
        ("record__load__labels", "2); import os"),
        ("record__load__four_bit", {"x=1, y": 2}),
        ("record__load__embedded", ["os", 3]),
        ("record__threshold", "0.5; import os"),
    ],
)
def test_a_record_that_would_be_code_is_refused(name: str, value: Any) -> None:
    """The card's code is pasted by others."""
    field = name.rpartition("__")[2]
    with pytest.raises(SweepError, match=f"^{field} in the adapter's trial.json must be "):
        model_card(facts(**{name: value}))


@pytest.mark.parametrize("value", ["<script>|", [1], {"a": 1}, float("nan")])
def test_what_is_no_figure_is_shown_as_what_it_is(value: Any) -> None:
    """A study that somebody else wrote may hold anything in place of a number."""
    card = model_card(facts(metrics__mcc=value))

    assert "<script>" not in rendered(card)
    yaml.safe_load(card.split("\n---\n")[0].removeprefix("---\n"))


def test_what_was_measured_is_told_in_the_words_of_the_objective() -> None:
    """Titles, units, intervals and groups of another field, and no word of this one."""
    told = facts(
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

    card = "\n".join(measured(told))

    assert "| root mean square error (K) | 2.2500 | 2.1250 to 2.5000 |" in card
    assert "| mean deviation (K) | -0.2500 |" in card
    assert "stations |" not in card
    assert "| station (validation) | RMSE |" in card
    assert "On training data the root mean square error (K) is 1.7500." in card
    assert "Baselines of the study (RMSE): head only 0.2111; head only 0.2007." in card
    assert not WORDS.search(card)
