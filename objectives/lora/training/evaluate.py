"""Prediction of a split with several lanes in shared passes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from objectives.data.batches import eval_batches
from objectives.data.prepare.windows import Windows
from objectives.lora.packed.device import to_device
from objectives.lora.packed.lane_parameters import Adapters
from objectives.lora.packed.layout import LaneBatch
from objectives.lora.packed.model import PackedModel
from objectives.lora.task import Task
from objectives.metrics.loss import NonFiniteLossError, non_finite


@torch.no_grad()
def predict(
    task: Task,
    model: PackedModel,
    lanes: Sequence[Adapters],
    windows: Windows,
    budget: int,
    skip: int = 0,
) -> list[Any]:
    """Predict a split with each lane.

    Only what the task keeps is stored, on the model's device until the split is done.

    Args:
        task: of the lanes.
        model: the packed model.
        lanes: of the model.
        windows: the split.
        budget: maximum tokens per lane and pass; affects results only by rounding.
        skip: number of cached lower layers; see ``PackedModel.logits``.

    Returns:
        The task's predictions of each lane, in the split's order; may be NaN or infinite.
    """
    starts = task.places(windows)
    device = model.precision.device
    kept: torch.Tensor | None = None
    for batch in eval_batches(windows.unit_lengths, budget):
        indices = [index for unit in batch for index in windows.units[unit]]
        shares = [LaneBatch(lane, windows, indices) for lane in lanes]
        read = task.read(torch.stack(model.logits(shares, skip=skip)), shares[0])
        if kept is None:
            shape = len(lanes), int(starts[-1]), read.shape[-1]
            kept = torch.empty(shape, dtype=torch.float64, device=device)
        into = np.concatenate([np.arange(starts[unit], starts[unit + 1]) for unit in batch])
        kept[:, to_device(into, device)] = read
    if kept is None:
        kept = torch.empty(len(lanes), 0, 1, dtype=torch.float64)
    return [task.predictions(row.cpu().numpy(), windows) for row in kept]


def check_finite(predictions: Any) -> Any:
    """Return the predictions, or raise if one is not finite.

    Raises:
        NonFiniteLossError: if a prediction is NaN or infinite.
    """
    if not np.isfinite(predictions.values).all():
        raise NonFiniteLossError(non_finite("the logits", "NaN or infinity", "evaluation"))
    return predictions
