"""Each task trains, alone and in any lane, as a plain loop of PEFT with the same head."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from packed_masks import padded
from packed_reference import furthest, load, plain_steps, with_adapters
from packed_runs import Run, run_pack
from task_data import write_data
from torch import nn

from objectives.data.prepare.windows import Windows
from objectives.lora.settings import BindingSettings
from objectives.lora.training.inputs import Inputs
from objectives.tasks.find import find_task, task_names
from sweep.study.trial import TrialParams

POOLINGS = {name: ("mean", "cls", "attention") for name in task_names() if "sequence" in name}
CASES = [(name, pooling) for name in task_names() for pooling in POOLINGS.get(name, ("mean",))]
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
    folder: Path, data: Path, name: str, pooling: str, values: Sequence[Any]
) -> dict[int, Run]:
    """A pack of these values."""
    weighted = {"class_weight": "balanced"} if name.endswith("classes") else {}
    fixed = BindingSettings(
        task=name, pooling=pooling, device="cpu", batch_tokens=700, train_metric_chains=0,
        **weighted,
    )  # fmt: skip
    places = {"data": str(data), "base": str(folder), "cache": str(data.parent / "cache")}
    inputs = Inputs(places, fixed, find_task(name))
    pack = [TrialParams(n, {"steps": STEPS, **v}, seed=n) for n, v in enumerate(values)]
    return run_pack(inputs, fixed, pack)


STEPS = 12


@pytest.mark.parametrize(("name", "pooling"), CASES)
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
        assert furthest(run.losses, losses) < 1e-5
        assert run.result.value == pytest.approx(value, rel=1e-4, abs=1e-4)


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
        assert furthest(run.losses, losses) < 1e-5


def plain(folder: Path, run: Run) -> tuple[list[float], float]:
    """Losses and value of the same training in a loop of PEFT and PyTorch."""
    task, lane = run.trial.task, run.trial.lane
    model = load(folder, labels=task.outputs)
    model = with_adapters(model, run.trial.settings, run.start)
    pad = model.config.pad_token_id
    batches = [padded(lane.windows, b, n, pad=pad) for n, b in enumerate(lane.plan.batches, 1)]
    made = plain_steps(
        model, run.trial.settings, batches,
        lambda logits, batch: loss_of(task, logits, lane.windows, batch.windows, lane.weight),
    )  # fmt: skip
    validation = run.trial.validation
    model.eval()
    with torch.no_grad():
        every = range(len(validation))
        whole = padded(validation, every, pad=pad)
        logits = model(input_ids=whole.ids, attention_mask=whole.mask).logits
        values, labels = scored(task, logits, validation, every)
    return made.losses, value_of(task.name, values, labels)


def loss_of(
    task: Any, logits: torch.Tensor, windows: Windows, indices: Sequence[int], weight: Any
) -> torch.Tensor:
    """The loss as the task's documentation says, from padded logits."""
    values, labels = scored(task, logits, windows, indices)
    if "class" in task.name or task.name == "residue_binary":
        return nn.functional.cross_entropy(values, labels.long(), weight=weight)
    if task.name == "sequence_labels":
        return nn.functional.binary_cross_entropy_with_logits(values, labels)
    mean, sd = task.facts["mean"], task.facts["sd"]
    return nn.functional.mse_loss(values[:, 0], (labels - mean) / sd)


def scored(
    task: Any,
    logits: torch.Tensor,
    windows: Windows,
    indices: Sequence[int],
) -> tuple[torch.Tensor, torch.Tensor]:
    """The predictions of residues or sequences in a padded batch, and their labels."""
    rows: dict[int, list[torch.Tensor]] = {}
    firsts, wanted = {}, {}
    values, labels = [], []
    for row, index in enumerate(indices):
        known = torch.from_numpy(windows.labels[index])
        own = ~torch.isnan(known) if known.is_floating_point() else known != -100
        made = logits[row, : len(known)]
        if windows.targets is None:
            values.append(made[own])
            labels.append(known[own])
            continue
        chain = int(windows.chains[index])
        firsts.setdefault(chain, made[0])
        wanted.setdefault(chain, torch.from_numpy(windows.targets[index]))
        rows.setdefault(chain, []).append(made[own])
    if not rows:
        return torch.cat(values), torch.cat(labels)
    pooled = [pool(task, torch.cat(parts), firsts[chain]) for chain, parts in rows.items()]
    targets = torch.stack(list(wanted.values()))
    return torch.stack(pooled), targets if task.name == "sequence_labels" else targets[:, 0]


def pool(task: Any, tokens: torch.Tensor, first: torch.Tensor) -> torch.Tensor:
    """The logits of one sequence."""
    how = task.settings.pooling
    if how == "cls":
        return first
    if how == "mean":
        return tokens.mean(0)
    return (tokens[:, -1].softmax(0)[:, None] * tokens[:, :-1]).sum(0)


def value_of(name: str, values: torch.Tensor, labels: torch.Tensor) -> float:
    """The metric of a task, by libraries alone."""
    from scipy.stats import spearmanr
    from sklearn.metrics import matthews_corrcoef

    if name.endswith("regression"):
        return float(spearmanr(values[:, 0], labels).statistic)
    if name != "sequence_labels":
        return float(matthews_corrcoef(labels, values.argmax(1)))
    shares, held = values.sigmoid().numpy(), labels.numpy() == 1
    return max(map(partial(harmonic_mean, shares, held), np.arange(101) / 100))


def harmonic_mean(shares: np.ndarray, held: np.ndarray, cut: float) -> float:
    """F at one threshold, as CAFA defines it."""
    chosen = shares >= cut
    hits = (chosen & held).sum(1)
    some, any_ = chosen.any(1), held.any(1)
    precision = (hits[some] / chosen.sum(1)[some]).mean() if some.any() else 0.0
    recall = (hits[any_] / held.sum(1)[any_]).mean()
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0
