"""The margins of a split's labelled residues, for several lanes in one go."""

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
    """Predict a split, in its order, with each lane.

    Of the logits one number per labelled residue is kept, on the model's device until all
    are there.

    Args:
        model: runs the passes.
        lanes: admitted to it.
        windows: what to predict.
        budget: tokens per lane and pass; does not change the result beyond rounding.
        skip: lower layers that are cached; see ``PackedModel.logits``.

    Returns:
        For each lane the margins; not finite where the model is not.
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
        wide = logits[:, rows].double()  # so that near margins do not tie
        margins[:, places] = wide[..., 1] - wide[..., 0]
    return [Predictions(row.cpu().numpy(), labels, ligands) for row in margins]


def check_finite(predictions: Predictions) -> Predictions:
    """The predictions, if they are numbers.

    Raises:
        NonFiniteLossError: if a margin is NaN or infinite.
    """
    if not np.isfinite(predictions.margin).all():
        raise NonFiniteLossError(non_finite("the logits", "NaN or infinity", "evaluation"))
    return predictions
