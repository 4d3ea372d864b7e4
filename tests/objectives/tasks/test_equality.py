"""Each task trains, alone and in any lane, as a plain loop of PEFT with the same head."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from packed_reference import furthest
from packed_runs import Run, run_pack
from task_data import write_data
from task_reference import plain
from tiers import first

from objectives.lora.base.load import Precision
from objectives.lora.settings import BindingSettings
from objectives.lora.training.inputs import Inputs
from objectives.tasks.find import find_task, task_names
from sweep.study.trial import TrialParams

POOLINGS = {name: ("mean", "cls", "attention") for name in task_names() if "sequence" in name}
CASES = [(name, pooling) for name in task_names() for pooling in POOLINGS.get(name, ("mean",))]
QUICK = [("residue_regression", "mean"), ("sequence_classes", "attention")]
REST = [case for case in CASES if case not in QUICK]
EIGHT: tuple[dict[str, Any], ...] = (
    {"rank": 1, "targets": "query", "max_grad_norm": 0.1, "scaling": 4},
    {"rank": 32, "targets": "all-linear", "alpha": 8, "rslora": True, "learning_rate": 5e-4},
    {"rank": 4, "targets": "mlp", "schedule": "cosine", "learning_rate": 3e-3},
    {"rank": 16, "targets": "attention", "weight_decay": 0.5},
    {"rank": 8, "targets": "qkv", "schedule": "constant", "alpha": 32},
    {"rank": 2, "targets": "query+value", "scaling": 8, "warmup": 0.4, "learning_rate": 3e-3},
    {"rank": 3, "targets": "mlp.down", "learning_rate": 5e-3},
    {"rank": 0, "targets": "none", "learning_rate": 1e-2},
)


def trained(
    folder: Path,
    data: Path,
    name: str,
    pooling: str,
    values: Sequence[Any],
    *,
    batched: bool = False,
) -> dict[int, Run]:
    """A pack of these values, computed lane by lane, or as on a GPU in batched products."""
    weighted = {"class_weight": "balanced"} if name.endswith("classes") else {}
    fixed = BindingSettings(
        task=name, pooling=pooling, device="cpu", batch_tokens=700, train_metric_chains=0,
        **weighted,
    )  # fmt: skip
    places = {"data": str(data), "base": str(folder), "cache": str(data.parent / "cache")}
    inputs = Inputs(places, fixed, find_task(name))
    inputs.model(Precision.from_settings(fixed)).batched = batched
    pack = [TrialParams(n, {"steps": STEPS, **v}, seed=n) for n, v in enumerate(values)]
    return run_pack(inputs, fixed, pack)


STEPS = 12


def apart(name: str, losses: Sequence[float], others: Sequence[float]) -> float:
    """The largest difference, relative; of squared errors that of the errors, in their unit.

    A squared error near 0 differs by more than its errors do, relative to itself.
    """
    if not name.endswith("regression"):
        return furthest(losses, others)
    return float(np.abs(np.sqrt(losses) - np.sqrt(others)).max())


@pytest.mark.parametrize(("name", "pooling"), first(len(QUICK), [*QUICK, *REST]))
def test_a_lane_trains_as_a_plain_loop(
    tiny_folder: Path, tmp_path: Path, name: str, pooling: str
) -> None:
    """Losses to 1e-5, and the value of the trial; chains of several windows included."""
    data = write_data(tmp_path / name, name)
    runs = trained(tiny_folder, data, name, pooling, EIGHT[::3])
    alone = trained(tiny_folder, data, name, pooling, EIGHT[:1])

    assert alone[0].bits == runs[0].bits
    for run in runs.values():
        losses, value = plain(tiny_folder, run)
        assert run.result.value is not None, run.result.failure
        assert apart(name, run.losses, losses) < 1e-5
        assert run.result.value == pytest.approx(value, rel=1e-4, abs=1e-4)


@pytest.mark.integration
@pytest.mark.parametrize(("name", "pooling"), CASES)
def test_batched_lanes_train_as_a_plain_loop(
    tiny_folder: Path, tmp_path: Path, name: str, pooling: str
) -> None:
    """In the products that a GPU takes, whose losses are computed together."""
    data = write_data(tmp_path / name, name)
    runs = trained(tiny_folder, data, name, pooling, EIGHT[:2], batched=True)

    for run in runs.values():
        assert run.result is not None
        losses, value = plain(tiny_folder, run)
        assert apart(name, run.losses, losses) < 1e-5
        assert run.result.value == pytest.approx(value, rel=1e-3, abs=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "pooling"), CASES)
def test_eight_lanes_train_as_plain_loops(
    tiny_folder: Path, tmp_path: Path, name: str, pooling: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For 50 steps and every kind of adapter."""
    monkeypatch.setitem(globals(), "STEPS", 50)
    data = write_data(tmp_path / name, name)
    runs = trained(tiny_folder, data, name, pooling, EIGHT)

    for run in runs.values():
        losses, _ = plain(tiny_folder, run)
        assert apart(name, run.losses, losses) < 1e-5
