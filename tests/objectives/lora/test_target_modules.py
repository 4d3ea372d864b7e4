from __future__ import annotations

import pytest
import torch
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from transformers import BertConfig, BertForTokenClassification, EsmForTokenClassification

from objectives.lora.target_modules import kind, resolve, resolve_all
from sweep.errors import TargetError

HEAD = ("classifier",)
CARD = (
    "query+key+value+EsmSelfOutput.dense+EsmIntermediate.dense+EsmOutput.dense"
    "+EsmContactPredictionHead.regression+classifier"
)
ALL = {
    "attention.self.query": 6,
    "attention.self.key": 6,
    "attention.self.value": 6,
    "attention.output.dense": 6,
    "intermediate.dense": 6,
    "output.dense": 6,
}


@pytest.mark.parametrize(
    ("targets", "kinds"),
    [
        ("query", {"attention.self.query": 6}),
        ("key", {"attention.self.key": 6}),
        ("value", {"attention.self.value": 6}),
        ("attention.output", {"attention.output.dense": 6}),
        ("mlp.up", {"intermediate.dense": 6}),
        ("mlp.down", {"output.dense": 6}),
        ("all-linear", ALL),
        ("none", {}),
        ("attention.output.dense", {"attention.output.dense": 6}),
        ("encoder.layer.3.attention.self.query", {"attention.self.query": 1}),
        ("output.dense", {"attention.output.dense": 6, "output.dense": 6}),
        (
            "dense",
            {"attention.output.dense": 6, "intermediate.dense": 6, "output.dense": 6},
        ),
    ],
)
def test_names_match_on_esm2(
    esm2_8m: EsmForTokenClassification, targets: str, kinds: dict[str, int]
) -> None:
    """Aliases mean one matrix per layer; other names are suffixes, as in PEFT."""
    assert resolve(esm2_8m, targets, HEAD).kinds == kinds


def test_modules_are_full_paths_in_the_models_order(esm2_8m: EsmForTokenClassification) -> None:
    """PEFT gets existing paths, each once."""
    found = resolve(esm2_8m, "value+query", HEAD)
    order = [path for path, _ in esm2_8m.named_modules()]

    assert found.targets == "query+value"
    assert list(found.modules) == sorted(found.modules, key=order.index)
    assert found.modules[0] == "esm.encoder.layer.0.attention.self.query"
    assert all(isinstance(esm2_8m.get_submodule(path), nn.Linear) for path in found.modules)


def test_the_model_cards_list_is_refused_with_possible_matches(
    esm2_8m: EsmForTokenClassification,
) -> None:
    """Four class names and the head: five faults, each with a suggestion."""
    with pytest.raises(TargetError, match="EsmSelfOutput") as caught:
        resolve(esm2_8m, CARD, HEAD)
    by_name = {fault.split(", got '")[1].split("'")[0]: fault for fault in caught.value.faults}

    assert len(caught.value.faults) == 5
    assert (
        "has the path 'attention.output.dense' (alias 'attention.output')"
        in (by_name["EsmSelfOutput.dense"])
    )
    assert "has the path 'intermediate.dense' (alias 'mlp.up')" in by_name["EsmIntermediate.dense"]
    assert "has the path 'output.dense' (alias 'mlp.down')" in by_name["EsmOutput.dense"]
    assert "does not run through" in by_name["EsmContactPredictionHead.regression"]
    assert "trains in full" in by_name["classifier"]
    for name in ("EsmSelfOutput.dense", "EsmContactPredictionHead.regression"):
        assert all(f"{option} (6)" in by_name[name] for option in ALL)


def test_nearest_names_come_first(esm2_8m: EsmForTokenClassification) -> None:
    """A misspelt name gets the nearest names as suggestions."""
    with pytest.raises(TargetError, match=r"could have matched: attention\.self\.query \(6\)"):
        resolve(esm2_8m, "self.qeury", HEAD)


def test_a_name_without_a_match_is_refused_beside_one_that_matches(
    esm2_8m: EsmForTokenClassification,
) -> None:
    """PEFT would adapt query and ignore the other silently."""
    with pytest.raises(TargetError, match="got 'q_proj'"):
        resolve(esm2_8m, "query+q_proj", HEAD)


def test_a_name_ends_on_a_component_border(esm2_8m: EsmForTokenClassification) -> None:
    """``uery`` is a suffix of the path's text, but names no module."""
    with pytest.raises(TargetError, match="got 'uery'"):
        resolve(esm2_8m, "uery", HEAD)


def test_modules_unused_in_classification_are_refused(
    esm2_8m: EsmForTokenClassification,
) -> None:
    """The contact head is loaded, but adapting it would train nothing."""
    with pytest.raises(TargetError, match="that token classification runs through"):
        resolve(esm2_8m, "contact_head.regression", HEAD)


def test_bad_names_of_all_sets_are_reported_at_once(esm2_8m: EsmForTokenClassification) -> None:
    """Two bad sets give two faults, and a name bad in both gives one."""
    with pytest.raises(TargetError, match="q_proj") as caught:
        resolve_all(esm2_8m, ["query+q_proj", "mlp", "q_proj+v_proj"], HEAD)

    assert len(caught.value.faults) == 2


@given(
    left=st.sampled_from(["query", "qkv", "mlp", "attention.output"]),
    right=st.sampled_from(["key", "mlp.down", "attention", "dense"]),
)
@settings(deadline=None, max_examples=examples(16))
def test_a_union_of_names_matches_the_union(left: str, right: str) -> None:
    """A set means the union of its names' modules."""
    model = bert()
    parts = {*resolve(model, left, HEAD).modules, *resolve(model, right, HEAD).modules}

    assert set(resolve(model, f"{left}+{right}", HEAD).modules) == parts


def test_bert_resolves_by_the_same_names() -> None:
    """The aliases apply to the whole family, without the pooler."""
    found = resolve(bert(), "all-linear", HEAD)

    assert found.kinds == dict.fromkeys(ALL, 2)


def test_an_alias_falls_back_to_a_suffix_on_other_architectures() -> None:
    """``query`` also finds a layer of that name in other models."""
    model = nn.ModuleDict({"block": nn.ModuleList([nn.ModuleDict({"query": nn.Linear(2, 2)})])})

    assert resolve(model, "query", ()).modules == ("block.0.query",)


@pytest.mark.parametrize(
    ("path", "expected"),
    [("a.layer.11.b.c", "b.c"), ("a.0.b.1.c", "c"), ("proj", "proj"), ("blocks.3", "blocks.3")],
)
def test_a_kind_is_the_path_below_the_layer(path: str, expected: str) -> None:
    """The layer's number and all before it are left out."""
    assert kind(path) == expected


def bert() -> BertForTokenClassification:
    """A small BERT without weights."""
    config = BertConfig(
        hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32
    )
    with torch.device("meta"):
        return BertForTokenClassification(config)
