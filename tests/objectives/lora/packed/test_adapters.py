"""Initial parameters of lanes, and the model's state after they are removed."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace

import pytest
import torch
from peft import LoraConfig, get_peft_model
from torch import nn

from objectives.lora.base.load import Precision
from objectives.lora.packed.model import PackedModel
from objectives.lora.settings import BindingSettings
from objectives.lora.training.evaluate import predict
from objectives.lora.training.inputs import Inputs
from objectives.lora.training.trial import Trial
from objectives.seeds import derive

TrialOf = Callable[..., AbstractContextManager[Trial]]
Train = Callable[..., tuple[float, ...]]
SETTINGS = BindingSettings(device="cpu", rank=4, targets="query", steps=3, learning_rate=1e-2)


def started(trial_of: TrialOf, seed: int = 3, **changes: object) -> dict[str, torch.Tensor]:
    """A trial's initial parameters by name, in PEFT's shapes."""
    settings = replace(SETTINGS, **changes)  # type: ignore[arg-type]
    with trial_of(settings, seed=seed) as trial:
        return {n: value.clone() for n, value in trial.lane.adapters.state().items()}


def frozen_bits(model: PackedModel) -> dict[str, bytes]:
    """Every parameter of the base outside its head, and of the heads that lanes copy."""
    found: dict[str, torch.Tensor] = {
        **dict(model._model.named_parameters()),
        **dict(model._model.named_buffers()),
        **{f"{path} as used": linear.matrix.dense() for path, linear in model.linears.items()},
        **{n: p for head in model._heads.values() for n, p in head._original[0].named_parameters()},
    }
    return {name: t.detach().contiguous().numpy().tobytes() for name, t in found.items()}


def test_only_adapters_and_head_are_trained(trial_of: TrialOf) -> None:
    """No frozen parameter requires a gradient."""
    with trial_of(replace(SETTINGS, targets="qkv")) as trial:
        trained = trial.lane.trained
        frozen = list(trial.model._model.parameters())

    assert all(p.requires_grad for p in trained.values())
    assert all(".lora_" in name or name.startswith("classifier.") for name in trained)
    assert sum("lora_A" in name for name in trained) == 6
    assert frozen
    assert not any(p.requires_grad for p in frozen)


@pytest.mark.parametrize("targets", ["all-linear", "none"])
@pytest.mark.parametrize("base_weights", ["nf4", "nf4-dequantised"])
def test_the_base_is_bit_identical_after_a_trial_that_fails(
    make_inputs: Callable[..., Inputs],
    trial_of: TrialOf,
    train: Train,
    targets: str,
    base_weights: str,
) -> None:
    """Neither weights nor modules are changed by training and evaluation."""
    inputs = make_inputs(base_weights=base_weights)
    settings = replace(SETTINGS, targets=targets, base_weights=base_weights, learning_rate=1.0)
    with trial_of(settings, inputs) as trial:
        model = trial.model
    before, modules = frozen_bits(model), list(model._model.modules())

    def half_way() -> None:
        with trial_of(settings, inputs) as trial:
            train(trial, 2)
            predict(trial.task, model, [trial.lane.adapters], inputs.splits.validation, 256)
            raise RuntimeError("half-way")

    with pytest.raises(RuntimeError, match="half-way"):
        half_way()

    assert len(before) > 2 * 12
    assert frozen_bits(model) == before
    assert list(model._model.modules()) == modules
    assert not any(p.requires_grad for p in model._model.parameters())
    assert not any(linear._updates for linear in model.linears.values())
    assert not any(head._copies for head in model._heads.values())


def test_a_removed_lane_leaves_no_trained_parameters(
    make_inputs: Callable[..., Inputs], trial_of: TrialOf, train: Train
) -> None:
    """The next lane starts like the first one."""
    inputs = make_inputs()
    with trial_of(SETTINGS, inputs, seed=1) as first:
        fresh = {n: v.clone() for n, v in first.lane.adapters.state().items()}
        train(first)
        trained = {n: v.clone() for n, v in first.lane.adapters.state().items()}

    assert any(not torch.equal(v, trained[n]) for n, v in fresh.items())
    assert all(torch.equal(v, trained[n]) for n, v in first.lane.adapters.state().items())
    with trial_of(SETTINGS, inputs, seed=1) as second:
        again = second.lane.adapters.state()
        assert all(torch.equal(again[n], v) for n, v in fresh.items())
        assert all(torch.equal(v, trained[n]) for n, v in first.lane.adapters.state().items())


def test_a_trial_that_fails_at_its_start_leaves_no_lane(
    trial_of: TrialOf, tiny_inputs: Inputs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An exception after its lane was added restores the model."""

    def broken(*_: object) -> None:
        raise RuntimeError("no course")

    monkeypatch.setattr(Trial, "_new_progress", broken)
    with pytest.raises(RuntimeError, match="no course"), trial_of(SETTINGS):
        raise AssertionError("it began")
    model = tiny_inputs.model(Precision.from_settings(SETTINGS))

    assert not any(linear._updates for linear in model.linears.values())
    assert not any(head._copies for head in model._heads.values())


def test_a_trial_after_others_has_the_bits_of_the_first(
    make_inputs: Callable[..., Inputs], trial_of: TrialOf, train: Train
) -> None:
    """Also in slots that a wider adapter enlarged, and beside a lane that stays."""
    inputs = make_inputs()
    ended = []
    for beside in (None, 16, 2):
        others = {"rank": beside, "targets": "all-linear"} if beside else {"rank": 0}
        with trial_of(replace(SETTINGS, **others), inputs, seed=9) as other:
            train(other, 2)
            with trial_of(SETTINGS, inputs, seed=1) as trial:
                losses = train(trial)
                state = trial.lane.adapters.state().items()
                ended.append((losses, {n: v.numpy().tobytes() for n, v in state}))

    assert ended[0] == ended[1] == ended[2]


def test_a_module_starts_equal_in_every_target_set(trial_of: TrialOf) -> None:
    """Replicates are paired: head and shared adapters have equal initial values."""
    narrow, wide = started(trial_of), started(trial_of, targets="all-linear")

    assert len(wide) > len(narrow)
    assert all(torch.equal(narrow[name], wide[name]) for name in narrow)


def test_the_head_starts_equal_without_adapters(trial_of: TrialOf) -> None:
    """The head-only baseline has the same initial head as its replicate."""
    bare, adapted = started(trial_of, targets="none"), started(trial_of)

    assert set(bare) == {"classifier.weight", "classifier.bias"}
    assert bare["classifier.weight"].any()
    assert all(torch.equal(bare[name], adapted[name]) for name in bare)


def test_a_wider_adapter_starts_with_the_narrower_ones_rows(trial_of: TrialOf) -> None:
    """So ranks are compared from the same start as far as shapes allow."""
    narrow, wide = started(trial_of, rank=2), started(trial_of, rank=8)
    names = [name for name in narrow if "lora_A" in name]

    assert len(names) == 2
    assert all(torch.equal(narrow[name], wide[name][:2]) for name in names)


def test_seeds_give_different_starts(trial_of: TrialOf) -> None:
    """Both head and adapters follow the seed."""
    one, other = started(trial_of, seed=0), started(trial_of, seed=1)

    differing = {name for name in one if not torch.equal(one[name], other[name])}
    assert "classifier.weight" in differing
    assert sum("lora_A" in name for name in differing) == 2


def test_adapters_start_as_in_peft(trial_of: TrialOf) -> None:
    """With the derived seed, PEFT draws the same A, and B is zero."""
    path = "esm.encoder.layer.1.attention.self.query"
    ours = started(trial_of, seed=5)
    plain = nn.ModuleDict({"query": nn.Linear(32, 32)})
    torch.manual_seed(0)
    theirs = get_peft_model(plain, LoraConfig(r=4, target_modules=["query"]))  # type: ignore[arg-type]
    layer = theirs.base_model.model["query"]
    torch.manual_seed(derive(5, "adapter", path))
    layer.reset_lora_parameters("default", init_lora_weights=True)

    assert torch.equal(ours[f"{path}.lora_A.weight"], layer.lora_A["default"].weight)
    assert ours[f"{path}.lora_B.weight"].shape == layer.lora_B["default"].weight.shape
    assert not ours[f"{path}.lora_B.weight"].any()


def test_the_head_starts_as_in_transformers(trial_of: TrialOf, tiny_inputs: Inputs) -> None:
    """Normal weights with the configuration's ``initializer_range``, and zero bias."""
    heads = [started(trial_of, seed=seed, targets="none") for seed in range(64)]
    weights = torch.stack([head["classifier.weight"] for head in heads])
    spread = tiny_inputs.skeleton.config.initializer_range

    assert weights.std().item() == pytest.approx(spread, rel=4 / math.sqrt(2 * weights.numel()))
    assert not any(head["classifier.bias"].any() for head in heads)
