"""Names and values of a record stay text in a model card."""

from __future__ import annotations

import ast
import json
from typing import Any

import pytest
import yaml
from huggingface_hub import ModelCard
from model_cards import FACTS, HOSTILE, facts, rendered, snippet

from sweep.cli.adapter_export.model_card import model_card
from sweep.errors import SweepError
from sweep.terminal.printable import printable


def hostile(text: str) -> dict[str, Any]:
    """Records with this text wherever a study may have a name."""
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
    """They create no heading, link, tag, block or YAML key, and are readable."""
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


CONTROLS = "\x1b[31m\x00\x07\x9b\u202e\u2066 \ud800 '\"\\ #{x}"


@pytest.mark.parametrize("text", [CONTROLS, "=cmd|' /C calc'!A0"])
def test_nothing_in_a_card_is_interpreted(text: str) -> None:
    """Neither a terminal nor YAML nor Python interprets a name."""
    records = hostile(text)
    card = model_card(records)

    assert card.replace("\n", "").isprintable()
    card.encode()
    front = yaml.safe_load(card.split("\n---\n")[0].removeprefix("---\n"))
    assert front["model-index"][0]["name"] == printable(f"{text} trial 17")
    tree = ast.parse(snippet(card))
    assert ast.literal_eval(named(tree, "base")) == records["record"]["base"]


def named(tree: ast.Module, name: str) -> ast.expr:
    """The value assigned to a name."""
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
    """Users paste the card's code."""
    field = name.rpartition("__")[2]
    with pytest.raises(SweepError, match=f"^{field} in the adapter's trial.json must be "):
        model_card(facts(**{name: value}))


@pytest.mark.parametrize("value", ["<script>|", [1], {"a": 1}, float("nan")])
def test_a_value_that_is_no_number_is_shown_as_text(value: Any) -> None:
    """A foreign study may have anything in place of a number."""
    card = model_card(facts(metrics__mcc=value))

    assert "<script>" not in rendered(card)
    yaml.safe_load(card.split("\n---\n")[0].removeprefix("---\n"))
