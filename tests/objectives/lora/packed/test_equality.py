"""Each lane of a pack equals a plain loop of PEFT, bitsandbytes and PyTorch.

The contract: losses of 50 steps within 1e-5 of their size, at learning rates at which rounding
does not grow beyond that by itself. Where it does, two plain loops that pad their batches
differently differ as much, and the last test compares the engine with that.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from packed_reference import Plain, furthest, plain_run
from packed_runs import Run, run_pack

from objectives.lora.packed.layout import LaneBatch
from objectives.lora.packed.model import PackedModel
from objectives.lora.settings import BindingSettings
from objectives.lora.training.inputs import Inputs
from objectives.tasks.residue_binary import ResidueBinary
from sweep.study.trial import TrialParams

FIXED = BindingSettings(device="cpu", batch_tokens=256, train_metric_chains=0)
EIGHT: tuple[dict[str, Any], ...] = (
    {"rank": 1, "targets": "query", "weight_decay": 0.0, "max_grad_norm": 0.1, "scaling": 4},
    {"rank": 32, "targets": "all-linear", "alpha": 8, "rslora": True, "learning_rate": 5e-4},
    {"rank": 4, "targets": "mlp", "class_weight": 6, "schedule": "cosine", "learning_rate": 3e-3},
    {"rank": 16, "targets": "attention", "class_weight": "balanced", "weight_decay": 0.5},
    {"rank": 8, "targets": "qkv", "schedule": "constant", "batch_tokens": 128, "alpha": 32},
    {"rank": 2, "targets": "query+value", "scaling": 8, "warmup": 0.4, "learning_rate": 3e-3},
    {"rank": 3, "targets": "mlp.down", "steps": None, "epochs": 4.5, "learning_rate": 5e-3},
    {"rank": 0, "targets": "none", "learning_rate": 1e-2},
)
THREE: tuple[dict[str, Any], ...] = (
    {"rank": 6, "targets": "key", "scaling": 8, "class_weight": "balanced"},
    {"rank": 5, "targets": "value", "learning_rate": 3e-3, "quantization": "none"},
    {"rank": 12, "targets": "attention.output", "rslora": True, "alpha": 4, "class_weight": 3.5},
)
ALONE: tuple[dict[str, Any], ...] = (
    {"rank": 7, "targets": "mlp.up", "learning_rate": 3e-3},
    {"rank": 4, "targets": "attention+mlp.down", "batch_tokens": 8},  # one window per step
)
PACKS = {"K=8": EIGHT, "K=3": THREE, "K=1, merged": ALONE[:1], "K=1, unmerged": ALONE[1:]}
ESM2_8M: tuple[dict[str, Any], ...] = (
    {"rank": 32, "targets": "all-linear", "alpha": 8, "rslora": True, "learning_rate": 3e-4},
    {"rank": 4, "targets": "mlp", "class_weight": 6, "schedule": "cosine"},
    {"rank": 1, "targets": "query+value", "class_weight": "balanced", "max_grad_norm": 0.5},
)


USUAL = 12
LONG = {name: pytest.mark.integration if name == "K=8" else pytest.mark.slow for name in PACKS}
"""Where each pack trains the 50 steps of the contract."""
Trained = Callable[[str, int], dict[int, Run]]


@pytest.fixture(scope="module")
def runs(tiny_inputs: Inputs) -> Trained:
    """Packs on the tiny base, each trained once per number of steps."""
    return cache(lambda name, steps: trained(tiny_inputs, PACKS[name], steps))


@pytest.fixture(scope="module")
def clipped(tiny_inputs: Inputs) -> Callable[[int], Run]:
    """The trial with clipped steps alone, trained once per number of steps."""

    def train(steps: int) -> Run:
        params = TrialParams(2, {"steps": steps, **EIGHT[2]}, seed=2)
        return run_pack(tiny_inputs, FIXED, [params])[2]

    return cache(train)


def trained(inputs: Inputs, values: Sequence[dict[str, Any]], steps: int = 50) -> dict[int, Run]:
    """A pack of these values, where each trial's seed is its number."""
    pack = [TrialParams(n, {"steps": steps, **v}, seed=n) for n, v in enumerate(values)]
    return run_pack(inputs, FIXED, pack)


def assert_equal(run: Run, plain: Plain, relative: float = 1e-5, *, learned: bool = True) -> None:
    """Compare losses, and the metrics of the validation split."""
    assert run.result is not None
    assert run.result.value is not None, run.result.failure
    measured = {name: run.result.metrics[name] for name in plain.validation}

    assert furthest(run.losses, plain.losses) < relative
    assert measured.pop("loss") == pytest.approx(plain.validation.pop("loss"), rel=relative)
    assert measured == plain.validation
    assert not learned or min(plain.losses) < 0.95 * plain.losses[0]


@pytest.mark.parametrize(
    ("pack", "number", "steps"),
    [
        pytest.param(name, n, steps, marks=marks)
        for name, pack in PACKS.items()
        for steps, marks in ((USUAL, ()), (50, LONG[name]))
        for n in range(len(pack))
    ],
)
def test_steps_of_a_lane_equal_those_of_a_plain_loop(
    tiny_folder: Path, runs: Trained, pack: str, number: int, steps: int
) -> None:
    """For any rank, target set, scaling, loss, schedule and batches, in any pack."""
    run = runs(pack, steps)[number]

    assert_equal(run, plain_run(tiny_folder, run), learned=steps == 50)


def test_the_packs_cover_every_formulation_and_clipping(tiny_folder: Path, runs: Trained) -> None:
    """Merged and unmerged products; steps with clipped gradients and without."""
    updates = {
        name: [u.merged for run in made.values() for u in run.trial.lane.adapters.updates.values()]
        for name, made in ((name, runs(name, USUAL)) for name in PACKS)
    }
    run = runs("K=8", USUAL)[2]
    clipped = [n > run.trial.settings.max_grad_norm for n in plain_run(tiny_folder, run).norms]

    assert {name: set(merged) for name, merged in updates.items()} == {
        "K=8": {True},
        "K=3": {True},
        "K=1, merged": {True},
        "K=1, unmerged": {False},
    }
    assert 2 < sum(clipped) < USUAL


def test_lanes_of_one_budget_share_their_batches(
    tiny_inputs: Inputs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise the packs above would not test packing."""
    passes: list[int] = []
    alone = PackedModel.logits

    def logits(
        model: PackedModel, shares: Sequence[LaneBatch], *, skip: int = 0
    ) -> list[torch.Tensor]:
        passes.append(len(shares))
        return alone(model, shares, skip=skip)

    monkeypatch.setattr(PackedModel, "logits", logits)
    trained(tiny_inputs, EIGHT, steps=3)

    # One lane has another token budget, one trains only the head above a cached encoder, and
    # one trains an epoch of 36 steps.
    assert passes[:3] == [6, 1, 1]


@pytest.mark.parametrize(
    ("change", "steps"),
    [
        ({"learning_rate": 3.003e-3}, USUAL),
        ({"weight_decay": 0.02}, USUAL),
        pytest.param({"warmup": 0.12}, 50, marks=pytest.mark.integration),
        ({"schedule": "linear"}, USUAL),
        pytest.param({"max_grad_norm": 1.001}, 50, marks=pytest.mark.integration),
        ({"class_weight": 6.006}, USUAL),
        ({"scaling": 1.001}, USUAL),
    ],
    ids=str,
)
def test_the_tolerance_detects_a_small_change_of_a_setting(
    tiny_folder: Path, clipped: Callable[[int], Run], change: dict[str, Any], steps: int
) -> None:
    """A change of a setting by a thousandth exceeds it."""
    run = clipped(steps)
    slipped = replace(run.trial.settings, **change)

    assert furthest(plain_run(tiny_folder, run, settings=slipped).losses, run.losses) > 1e-5


@pytest.mark.integration
def test_where_rounding_grows_the_difference_is_that_of_padding(
    tiny_folder: Path, tiny_inputs: Inputs
) -> None:
    """At a high rate two plain loops differ as much, if they pad their batches differently."""
    wild = {"rank": 32, "targets": "all-linear", "scaling": 3.0, "learning_rate": 3e-3}
    (run,) = trained(tiny_inputs, [wild]).values()
    plain = [plain_run(tiny_folder, run, longer=longer).losses for longer in (0, 5, 11)]
    among = max(furthest(plain[1], plain[0]), furthest(plain[2], plain[0]))

    assert among > 1e-5
    assert furthest(run.losses, plain[0]) < 10 * among


@pytest.mark.integration
@pytest.mark.parametrize("steps", [10, pytest.param(50, marks=pytest.mark.slow)])
def test_three_lanes_over_the_real_esm2_equal_plain_loops(
    shared: Path, tiny_data: Path, tmp_path: Path, steps: int
) -> None:
    """ESM-2 8M in NF4; ten steps with unmerged products, fifty with merged ones."""
    folder = shared / "models" / "esm2_t6_8m"
    places = {"data": str(tiny_data), "base": str(folder), "cache": str(tmp_path)}
    inputs = Inputs(places, FIXED, ResidueBinary)
    tokens = 128 if steps == 10 else 300
    runs = trained(inputs, [{**values, "batch_tokens": tokens} for values in ESM2_8M], steps)

    for run in runs.values():
        assert_equal(run, plain_run(folder, run))
