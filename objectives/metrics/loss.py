"""Cross-entropy loss of a batch, class weights, and the error of a non-finite loss."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import cross_entropy

from objectives.data.chain import CLASSES, IGNORED
from objectives.data.prepare.windows import joined
from sweep.errors import TrialError, fault


class NonFiniteLossError(TrialError):
    """The loss or the logits became NaN or infinite."""


def residue_loss(
    logits: torch.Tensor, labels: torch.Tensor, weight: torch.Tensor | None
) -> torch.Tensor:
    """Mean cross-entropy over the labelled residues of a batch, in nats.

    Args:
        logits: shape (..., classes).
        labels: shape (...), ``IGNORED`` for residues without a label.
        weight: class weights, shape (classes,); None for equal weights. The mean is weighted.
    """
    return cross_entropy(
        logits.view(-1, logits.shape[-1]), labels.view(-1), weight=weight, ignore_index=IGNORED
    )


def lane_losses(
    logits: torch.Tensor, labels: torch.Tensor, weights: Sequence[torch.Tensor | None]
) -> torch.Tensor:
    """The ``residue_loss`` of each of several lanes.

    Args:
        logits: shape (lanes, places, classes), in float32.
        labels: shape (lanes, places), ``IGNORED`` for padding and residues without a label.
        weights: class weights of each lane, see ``residue_loss``.

    Returns:
        Shape (lanes,).
    """
    even = logits.new_ones(logits.shape[-1])
    table = torch.stack([even if weight is None else weight for weight in weights])
    known = labels != IGNORED
    wanted = labels.where(known, 0)
    found = logits.log_softmax(-1).gather(-1, wanted[..., None])[..., 0].where(known, 0)
    weight = table.gather(1, wanted).where(known, 0)
    return -(weight * found).sum(1) / weight.sum(1)


def class_weight(
    labels: Sequence[NDArray[np.int64]],
    setting: str | float,
    device: torch.device,
    classes: int = CLASSES,
) -> torch.Tensor | None:
    """The weight of each class in the loss, shape (classes,); None for equal weights.

    Args:
        labels: of each training window.
        setting: ``none``, ``balanced`` (inverse class frequencies, as scikit-learn's), or the
            weight of class 1 relative to class 0.
        device: of the returned tensor.
        classes: number of classes.

    Raises:
        TrialError: if ``setting`` is ``balanced`` and a class has no residues.
    """
    if setting == "none":
        return None
    if setting != "balanced":
        return torch.tensor([1.0, float(setting)], device=device)
    counts = np.zeros(classes, dtype=np.int64)
    for rows in joined(labels):
        counts += np.bincount(rows[rows != IGNORED], minlength=classes)
    if not counts.all():
        rule = "not be 'balanced' when the training residues are all of one class"
        if classes > CLASSES:
            rule = "not be 'balanced' when the training labels lack a class"
        raise TrialError(fault("class_weight", rule, setting, where=f"counts {counts.tolist()}"))
    balanced = counts.sum() / (classes * counts)
    return torch.tensor(balanced, dtype=torch.float32, device=device)


def non_finite(what: str, got: object, where: str) -> str:
    """The error message for a NaN or infinite value, with the usual remedies."""
    way_out = "Lower the learning rate or max_grad_norm, or raise warmup"
    return fault(what, "be finite", got, where=where, way_out=way_out)
