"""What each task predicts and loses, by PyTorch, SciPy and scikit-learn alone."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from packed_masks import padded
from packed_reference import load, plain_steps, with_adapters
from packed_runs import Run
from scipy.stats import spearmanr
from sklearn.metrics import matthews_corrcoef
from torch import nn

from objectives.data.prepare.windows import Windows


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
    return made.losses, plain_value(model, task, run.trial.validation, pad)


@torch.no_grad()
def plain_value(model: nn.Module, task: Any, windows: Windows, pad: int) -> float:
    """The task's metric of a split, in one padded batch."""
    model.eval()
    every = range(len(windows))
    whole = padded(windows, every, pad=pad)
    logits = model(input_ids=whole.ids, attention_mask=whole.mask).logits
    return value_of(task.name, *scored(task, logits, windows, every))


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
