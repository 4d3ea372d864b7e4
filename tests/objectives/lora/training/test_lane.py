"""What a lane's steps depend on, and how a lane fails that diverges."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from objectives.data.chain import IGNORED
from objectives.lora.settings import SAMPLED, BindingSettings
from objectives.lora.training.inputs import Inputs
from objectives.lora.training.lane import make_optimizer, make_scheduler
from objectives.lora.training.trial import Trial
from objectives.metrics.loss import NonFiniteLossError, class_weight

TrialOf = Callable[..., AbstractContextManager[Trial]]
Train = Callable[..., tuple[float, ...]]
LossesOf = Callable[..., tuple[float, ...]]
CPU = torch.device("cpu")
REFERENCE = BindingSettings(
    device="cpu", rank=4, steps=6, learning_rate=3e-3, warmup=0.2, batch_tokens=256
)
CHANGES: list[dict[str, Any]] = [
    {"rank": 2},
    {"alpha": 8.0},
    {"scaling": 4.0},
    {"targets": "mlp"},
    {"rslora": True, "alpha": 8.0},
    {"dropout": 0.3},
    {"learning_rate": 1e-2},
    {"weight_decay": 0.5},
    {"steps": 4},
    {"epochs": 1, "steps": None},
    {"batch_tokens": 128},
    {"warmup": 0.9},
    {"schedule": "constant"},
    {"max_grad_norm": 1e-3},
    {"class_weight": 3.0},
    {"class_weight": "balanced"},
    {"label_shift": 1},
    {"quantization": "none"},
    {"compute_dtype": "bfloat16"},
]


@pytest.fixture(scope="module")
def losses_of(trial_of: TrialOf, train: Train) -> LossesOf:
    """Trains a trial and returns its losses."""

    def losses(settings: BindingSettings, *inputs: Inputs, seed: int = 0) -> tuple[float, ...]:
        with trial_of(settings, *inputs, seed=seed) as trial:
            return train(trial)

    return losses


@pytest.fixture(scope="module")
def reference(losses_of: LossesOf) -> tuple[float, ...]:
    """Losses of the reference settings, which are reproducible."""
    torch.set_num_threads(1)
    first = losses_of(REFERENCE)
    assert first == losses_of(REFERENCE)
    return first


@pytest.mark.parametrize("change", CHANGES, ids=str)
def test_no_setting_is_ignored(
    losses_of: LossesOf, reference: tuple[float, ...], change: dict[str, Any]
) -> None:
    """Changing any training setting changes the losses."""
    assert losses_of(replace(REFERENCE, **change)) != reference


def test_the_changes_cover_all_settings() -> None:
    """All settings that a study may sample."""
    assert {name for change in CHANGES for name in change} >= set(SAMPLED)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_dequantising_once_changes_no_bit(
    make_inputs: Callable[..., Inputs], losses_of: LossesOf, dtype: str
) -> None:
    """Dequantised at each use, or once."""
    settings = replace(REFERENCE, targets="all-linear", compute_dtype=dtype)
    losses, kept = [], []
    for way in ("nf4", "nf4-dequantised"):
        inputs = make_inputs(base_weights=way)
        losses.append(losses_of(replace(settings, base_weights=way), inputs))
        kept += [model.base_weights for model in inputs._models.values()]

    assert kept == ["nf4", "nf4-dequantised"]
    assert losses[0] == losses[1]


def test_dropout_has_the_same_stream_in_every_run_of_a_seed(losses_of: LossesOf) -> None:
    """The global random state before a trial does not affect its masks."""
    settings = replace(REFERENCE, dropout=0.5)
    losses = []
    for state in (1, 2):
        torch.manual_seed(state)
        losses.append(losses_of(settings))

    assert losses[0] == losses[1]
    assert losses[0] != losses_of(settings, seed=1)


def test_training_does_not_use_the_global_random_state(losses_of: LossesOf) -> None:
    """Neither for its initial parameters nor for its masks."""
    before = torch.get_rng_state()
    losses_of(replace(REFERENCE, dropout=0.5, rank=3))

    assert torch.equal(torch.get_rng_state(), before)


def test_a_diverging_learning_rate_raises_non_finite_loss(trial_of: TrialOf, train: Train) -> None:
    """Training stops at the step with that loss, with a remedy in the message."""
    settings = replace(REFERENCE, learning_rate=1e30, warmup=0.0)
    with trial_of(settings) as trial:
        with pytest.raises(NonFiniteLossError, match=r"the loss must be finite.*step 2.*Lower"):
            train(trial)
        assert trial.lane.steps == 1
        assert all(p.grad is None for p in trial.lane.trained.values())


def test_weight_decay_does_not_apply_to_biases() -> None:
    """Matrices decay, vectors do not, and no trained parameter is missing."""
    linear = nn.Linear(3, 2)
    optimizer = make_optimizer(list(linear.parameters()), BindingSettings(weight_decay=0.1))
    groups = {group["weight_decay"]: group["params"] for group in optimizer.param_groups}

    assert groups == {0.1: [linear.weight], 0.0: [linear.bias]}


@pytest.mark.parametrize(
    ("schedule", "last"), [("linear", 1 / 8), ("cosine", 0.0381), ("constant", 1.0)]
)
def test_a_schedule_warms_up_and_decays(schedule: str, last: float) -> None:
    """Two of ten steps warm up; the last has the schedule's lowest rate."""
    settings = BindingSettings(schedule=schedule, warmup=0.2, learning_rate=1.0)
    optimizer = make_optimizer([nn.Parameter(torch.zeros(2, 2))], settings)
    scheduler = make_scheduler(optimizer, settings, steps=10)
    rates = []
    for _ in range(10):
        rates.append(scheduler.get_last_lr()[0])
        optimizer.step()
        scheduler.step()

    assert rates[:3] == [0.0, 0.5, 1.0]
    assert rates[-1] == pytest.approx(last, abs=1e-4)


def test_balanced_classes_weigh_the_same_in_all() -> None:
    """Weights times counts are equal, and ignored positions do not count."""
    labels = [np.array([IGNORED, 0, 0, 0, IGNORED]), np.array([0, 1])]
    weight = class_weight(labels, "balanced", CPU)

    assert weight is not None
    assert weight.tolist() == pytest.approx([5 / 8, 5 / 2])
    assert class_weight(labels, "none", CPU) is None
    assert class_weight(labels, 7.0, CPU).tolist() == [1.0, 7.0]  # type: ignore[union-attr]
