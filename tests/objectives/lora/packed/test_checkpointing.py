"""Gradient checkpointing changes no bit of a trial, and takes less memory."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from encoders import classifier_of, config_of, residue_tokenizer
from packed_runs import Run, run_pack

from objectives.binding.objective import BindingObjective
from objectives.lora.packed.prefix_cache import LayerGate
from objectives.lora.settings import BindingSettings
from objectives.lora.training.inputs import Inputs
from objectives.lora.training.memory_estimate import LiveBytes
from objectives.lora.training.step import step
from objectives.lora.training.trial import Trial
from sweep.errors import SpecError
from sweep.study.space import Space
from sweep.study.trial import TrialParams

FIXED = BindingSettings(
    device="cpu", batch_tokens=256, steps=4, evaluate_every=0.5, train_metric_chains=4
)
ALL: dict[str, Any] = {"targets": "all-linear", "rank": 5, "alpha": 10, "learning_rate": 1e-2}
LANES: tuple[dict[str, Any], ...] = (
    ALL,  # merged products
    {**ALL, "batch_tokens": 8},  # unmerged products
    {**ALL, "dropout": 0.3},
    {"targets": "query+value", "rank": 3, "dropout": 0.5, "class_weight": 9},
    {"targets": "encoder.layer.1.output.dense", "rank": 2},  # its lower layer is cached
    {"targets": "none", "rank": 0},
)
PACK = [TrialParams(number, values, seed=number) for number, values in enumerate(LANES)]


def both_ways(
    inputs: Inputs, pack: list[TrialParams] = PACK, fixed: BindingSettings = FIXED
) -> tuple[dict[int, Run], dict[int, Run]]:
    """The pack's runs without gradient checkpointing and with it."""
    ways = (replace(fixed, gradient_checkpointing=way) for way in (False, True))
    plain, again = (run_pack(inputs, way, pack) for way in ways)
    return plain, again


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_every_lane_of_a_pack_has_the_same_bits_with_checkpointing(
    tiny_inputs: Inputs, dtype: str
) -> None:
    """Merged, unmerged, with dropout, above cached layers, head only."""
    plain, again = both_ways(tiny_inputs, fixed=replace(FIXED, compute_dtype=dtype))

    for number in range(len(PACK)):
        assert len(plain[number].losses) == FIXED.steps
        assert again[number].bits == plain[number].bits


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("bert", {"hidden_dropout_prob": 0.2, "attention_probs_dropout_prob": 0.2}),
        pytest.param("deberta", {"hidden_dropout_prob": 0.2}, marks=pytest.mark.slow),
        pytest.param("albert", {"hidden_dropout_prob": 0.2}, marks=pytest.mark.slow),
    ],
)
def test_dropout_of_the_base_is_recomputed_alike(
    make_inputs: Callable[..., Inputs], tmp_path: Path, name: str, changes: dict[str, float]
) -> None:
    """By keyed masks, by PyTorch's stream in padded rows, and not at all without layers."""
    torch.manual_seed(0)
    model = classifier_of(config_of(name, **changes), "cpu")
    model.base_model.save_pretrained(tmp_path)
    residue_tokenizer().save_pretrained(tmp_path)
    plain, again = both_ways(make_inputs(tmp_path), PACK[:3])

    for number in range(3):
        assert plain[number].result.value is not None
        assert again[number].bits == plain[number].bits


def test_layers_run_once_more_for_each_step_and_never_for_an_evaluation(
    tiny_inputs: Inputs,
) -> None:
    """Else the tests above would compare a setting that does nothing."""
    seen: list[bool] = []
    model = run_pack(tiny_inputs, FIXED, PACK[:1])[0].trial.model
    (layer,) = [m for m in model._model.modules() if isinstance(m, LayerGate)][:1]
    layer.inner.register_forward_pre_hook(lambda module, _: seen.append(module.training))
    counts = []
    for way in (False, True):
        seen.clear()
        run_pack(tiny_inputs, replace(FIXED, gradient_checkpointing=way), PACK[:1])
        counts.append((seen.count(True), seen.count(False)))
    layer.inner._forward_pre_hooks.clear()

    steps, evaluations = counts[0]
    assert steps == FIXED.steps
    assert counts[1] == (2 * steps, evaluations)


@pytest.mark.parametrize("batched", [False, True], ids=["lane by lane", "batched"])
@pytest.mark.parametrize("values", [ALL, {**ALL, "dropout": 0.3}], ids=["plain", "dropout"])
def test_a_step_takes_less_memory(
    trial_of: Callable[..., AbstractContextManager[Trial]],
    monkeypatch: pytest.MonkeyPatch,
    values: dict[str, Any],
    *,
    batched: bool,
) -> None:
    """What is held for the backward pass halves with two layers; the losses are equal."""
    held, losses = [], []
    for way in (False, True):
        settings = replace(FIXED.for_trial(values), gradient_checkpointing=way)
        with trial_of(settings) as trial:
            monkeypatch.setattr(trial.model, "batched", batched)
            with LiveBytes() as live:
                step([trial], lambda _, act: act())
            held.append(live.peak)
            losses.append(trial.lane.losses)

    assert losses[1] == losses[0]
    assert held[1] < 0.75 * held[0]


def test_a_base_without_a_list_of_layers_is_refused(
    make_objective: Callable[..., BindingObjective], tmp_path: Path
) -> None:
    """ALBERT runs one layer repeatedly."""
    model = classifier_of(config_of("albert"), "cpu")
    model.base_model.save_pretrained(tmp_path)
    residue_tokenizer().save_pretrained(tmp_path)
    base = {"base": str(tmp_path)}
    with pytest.raises(SpecError) as refused:
        make_objective(base, gradient_checkpointing=True).check(Space({}), [])

    assert str(refused.value) == (
        "settings.gradient_checkpointing must be 'auto' or false for a base whose layers are not "
        "one list of modules, got True."
    )
    found = make_objective(base, gradient_checkpointing="auto").check(Space({}), [])
    assert found["memory"]["gradient_checkpointing"] is False
