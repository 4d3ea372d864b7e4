"""Each base is checked: the engine's logits against those of transformers."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import torch
from encoders import classifier_of, config_of

from objectives.lora.adapter_config import AdapterConfig
from objectives.lora.base.load import Base, Precision
from objectives.lora.base.sample import sample_base, window_limit
from objectives.lora.packed import attention
from objectives.lora.packed.attention import Reach
from objectives.lora.packed.model import PackedModel
from objectives.lora.packed.prefix_cache import LayerGate
from objectives.lora.training.agreement import agreeing, sample_windows

GROUPED = {"num_key_value_heads": 2, "head_dim": 8}
WINDOWS = sample_windows(range(4, 29), 40)


def tried(name: str, thoroughly: bool = True, **changes: Any) -> PackedModel:  # noqa: FBT001, FBT002
    """A small base of an architecture, checked for use in the engine."""
    base = sample_base(config_of(name, **changes), 0)
    return agreeing(base, "auto", 1, WINDOWS, Path("folder"), thoroughly=thoroughly)


@pytest.mark.parametrize(
    ("name", "changes", "lost"),
    [
        ("modernbert", {"local_attention": 16}, Reach()),
        ("mistral", {"sliding_window": 9, **GROUPED}, Reach(-1, 0)),
        ("llama", GROUPED, Reach()),
    ],
    ids=["a local window", "a causal window", "causality"],
)
def test_wrong_attention_windows_are_detected(
    name: str,
    changes: dict[str, Any],
    lost: Reach,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The message has the difference, which is far beyond rounding."""
    tried(name, **changes)
    monkeypatch.setattr(Reach, "of", lambda *_, **__: lost)

    with pytest.raises(ValueError, match=r"got 'logits \d\d+ % of their spread apart'"):
        tried(name, **changes)


def test_wrong_groups_of_heads_are_detected(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each key head belongs to neighbouring query heads."""

    def turned(tensors: Any, *others: Any) -> torch.Tensor:
        query, key, value = tensors
        return by_stretch((query, key.roll(1, 1), value.roll(1, 1)), *others)

    by_stretch = attention._by_stretch
    monkeypatch.setattr(attention, "_by_stretch", turned)

    with pytest.raises(ValueError, match="of their spread apart"):
        tried("eurobert", **GROUPED)


def test_an_unknown_attention_argument_is_refused_by_name() -> None:
    """None is ignored, except one that is None."""
    module, tensor = torch.nn.Identity(), torch.zeros(1, 1, 1, 1)
    for name, value in (("softcap", 30.0), ("position_bias", tensor), ("new", "x")):
        with pytest.raises(ValueError, match=rf"base must ask of attention .* got \W+{name} \("):
            attention.packed_attention(module, tensor, tensor, tensor, None, **{name: value})
    with pytest.raises(ValueError, match=r"got \W+attention_mask \(shape \(1, 1, 1, 1\)\)"):
        attention.packed_attention(module, tensor, tensor, tensor, tensor, softcap=None)


def test_a_base_is_unchanged_after_the_check() -> None:
    """No random state advanced, no lane and no cached layer remain."""
    config = config_of("esm", mask_token_id=32, hidden_dropout_prob=0.0)
    before, stream = copy.deepcopy(config.to_dict()), torch.get_rng_state()
    model = tried("esm", mask_token_id=32, hidden_dropout_prob=0.0)
    sample_base(config, 0)

    assert torch.equal(torch.get_rng_state(), stream)
    assert config.to_dict() == before
    assert not any(linear._updates for linear in model.linears.values())
    assert not model.prefix._kept
    assert model.prefix._bytes == 0


def test_layers_are_not_cached_if_skipping_them_changes_the_logits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Then all layers run in each step."""
    assert len(tried("eurobert", **GROUPED).layers) == 2
    forward = LayerGate.forward

    def wrong(gate: LayerGate, hidden: torch.Tensor, *others: Any, **more: Any) -> Any:
        skipping = gate._number <= gate._prefix[0].skip
        out = forward(gate, hidden, *others, **more)
        return out + 1 if skipping else out

    monkeypatch.setattr(LayerGate, "forward", wrong)

    assert tried("eurobert", **GROUPED).layers == []


def test_the_sample_of_a_large_base_has_few_layers_of_every_kind() -> None:
    """Also if the configuration lists the kind of each layer."""
    config = config_of("modernbert", num_hidden_layers=12, global_attn_every_n_layers=3)
    config.layer_types = list(config.layer_types)
    sample = sample_base(config, 10**9).model

    kinds = [layer.attention_type for layer in sample.base_model.layers]
    assert kinds == ["full_attention", *["sliding_attention"] * 2, "full_attention"]
    assert config.num_hidden_layers == 12
    assert window_limit(config) == 128


def test_a_pretrained_part_of_a_head_keeps_its_weights() -> None:
    """Missing head weights are initialised at random, by the trial's seed."""
    model = classifier_of(config_of("modernbert"), "cpu").requires_grad_(False)
    known = model.head.dense.weight.clone()
    precision = Precision(torch.device("cpu"), torch.float32, "none")
    kept, fresh = (
        tried_head(Base(copy.deepcopy(model), ("head", "classifier"), precision, frozenset(paths)))
        for paths in ({"head.dense"}, set())
    )

    assert torch.equal(kept["head"].dense.weight, known)
    assert not torch.equal(fresh["head"].dense.weight, known)
    assert torch.equal(kept["classifier"].weight, fresh["classifier"].weight)


def tried_head(base: Base) -> dict[str, Any]:
    """The initial head of a lane."""
    model = PackedModel(base, "auto", 1)
    return dict(model.add_lane(AdapterConfig(0, 0.0, "none", ()), 0, 1).heads)
