"""Prediction of a split with several lanes in shared passes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from objectives.data.batches import eval_batches
from objectives.data.chain import IGNORED
from objectives.data.prepare.windows import Windows
from objectives.lora.packed.device import to_device
from objectives.lora.packed.lane_parameters import Adapters
from objectives.lora.packed.layout import LaneBatch
from objectives.lora.packed.model import PackedModel
from objectives.metrics.loss import NonFiniteLossError, non_finite
from objectives.metrics.metrics import Predictions


@torch.no_grad()
def predict(
    model: PackedModel, lanes: Sequence[Adapters], windows: Windows, budget: int, skip: int = 0
) -> list[Predictions]:
    """Predict all labelled residues of a split with each lane.

    Only the margins are kept, on the model's device until the split is done.

    Args:
        model: the packed model.
        lanes: of the model.
        windows: the split.
        budget: maximum tokens per lane and pass; affects results only by rounding.
        skip: number of cached lower layers; see ``PackedModel.logits``.

    Returns:
        Predictions of each lane, in the split's order; margins may be NaN or infinite.
    """
    starts = np.concatenate([[0], np.cumsum(windows.known)])
    labels, ligands = np.empty((2, int(starts[-1])), dtype=np.int64)
    device = model.precision.device
    margins = torch.empty(len(lanes), int(starts[-1]), dtype=torch.float64, device=device)
    for indices in eval_batches(windows.lengths, budget):
        shares = [LaneBatch(lane, windows, indices) for lane in lanes]
        read = np.concatenate([windows.labels[i] for i in indices])
        labelled = np.flatnonzero(read != IGNORED)
        rows = to_device(labelled, device)
        into = np.concatenate([np.arange(starts[i], starts[i + 1]) for i in indices])
        places = to_device(into, device)
        labels[into] = read[labelled]
        ligands[into] = np.concatenate([windows.ligands[i] for i in indices])[labelled]
        logits = torch.stack(model.logits(shares, skip=skip))
        wide = logits[:, rows].double()  # so that rounding does not create ties
        margins[:, places] = wide[..., 1] - wide[..., 0]
    return [Predictions(row.cpu().numpy(), labels, ligands) for row in margins]


def check_finite(predictions: Predictions) -> Predictions:
    """Return the predictions, or raise if a margin is not finite.

    Raises:
        NonFiniteLossError: if a margin is NaN or infinite.
    """
    if not np.isfinite(predictions.margin).all():
        raise NonFiniteLossError(non_finite("the logits", "NaN or infinity", "evaluation"))
    return predictions
