"""From a model and a split to the margin of every residue."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from objectives.binding.collate import Windows
from objectives.binding.learner import Learner
from objectives.binding.loss import NonFiniteLossError, non_finite
from objectives.binding.metrics import Predictions
from objectives.data.batches import eval_batches
from objectives.data.chain import IGNORED


@torch.no_grad()
def predict(learner: Learner, windows: Windows, budget: int) -> Predictions:
    """The margins of every labelled residue of a split, in the split's order.

    Args:
        learner: the model; left in evaluation mode.
        windows: what to predict.
        budget: tokens per batch; does not change the result beyond rounding.

    Raises:
        NonFiniteLossError: if a logit is NaN or infinite.
    """
    learner.model.eval()
    margins: list[NDArray[np.float64]] = [np.empty(0)] * len(windows)
    for indices in eval_batches(windows.lengths, budget):
        logits = learner.read(windows, indices)[0].double().cpu().numpy()
        for row, index in zip(logits, indices, strict=True):
            known = windows.labels[index] != IGNORED
            margins[index] = (row[: len(known), 1] - row[: len(known), 0])[known]
    nothing = np.empty(0, dtype=np.int64)
    labels = np.concatenate([*windows.labels, nothing])
    ligands = np.concatenate([*windows.ligands, nothing])
    margin = np.concatenate([*margins, np.empty(0)])
    if not np.isfinite(margin).all():
        raise NonFiniteLossError(non_finite("the logits", "NaN or infinity", "evaluation"))
    return Predictions(margin, labels[labels != IGNORED], ligands[labels != IGNORED])
