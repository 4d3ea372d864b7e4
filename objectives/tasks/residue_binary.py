"""Residues of two classes, such as binding or not: cross-entropy, scored by MCC."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from objectives.data.chain import CLASSES
from objectives.data.labels.binding_sites import BindingSites
from objectives.data.prepare.windows import Windows, known_of
from objectives.lora.packed.layout import LaneBatch, Layout
from objectives.lora.task import CLASS_WEIGHTS, FloatArray, Scores, Task, labelled
from objectives.metrics.binary_measures import MEASURES
from objectives.metrics.loss import class_weight, lane_losses, residue_loss
from objectives.metrics.metrics import Predictions
from objectives.metrics.scores import BinaryScores


class ResidueBinary(Task):
    """Classify each residue as 1 or 0."""

    name = "residue_binary"
    labels = BindingSites
    measures = MEASURES
    needs_facts = False
    class_weights = CLASS_WEIGHTS
    number_weights = True
    outputs = CLASSES

    def weight(self, windows: Windows, device: torch.device) -> torch.Tensor | None:
        """The weights of both classes, shape (2,), as ``class_weight`` says."""
        return class_weight(windows.labels, self.settings.class_weight, device)

    def loss(
        self, logits: torch.Tensor, batch: LaneBatch, weight: torch.Tensor | None
    ) -> torch.Tensor:
        """Mean cross-entropy over the labelled residues, in nats."""
        return residue_loss(logits, batch.labels(logits.device), weight)

    def losses(
        self, logits: torch.Tensor, layout: Layout, weights: Sequence[torch.Tensor | None]
    ) -> torch.Tensor:
        """The loss of each lane, shape (lanes,), in one computation."""
        return lane_losses(logits, layout.labels(logits.device), weights)

    def read(self, logits: torch.Tensor, batch: LaneBatch) -> torch.Tensor:
        """The margin of each labelled residue: logit 1 minus logit 0."""
        wide = logits[:, labelled(batch, logits.device)].double()  # rounding creates no ties
        return (wide[..., 1] - wide[..., 0])[..., None]

    def predictions(self, values: FloatArray, windows: Windows) -> Predictions:
        """Margins with the labels and ligands of the residues."""
        labels, ligands = known_of(windows)
        return Predictions(np.ascontiguousarray(values[:, 0]), labels, ligands)

    def scores(self, ligands: Sequence[str]) -> Scores:
        """Metrics at argmax and at the threshold of the best MCC, curves and intervals."""
        return BinaryScores(tuple(ligands), self.bootstrap_seed)

    def record(self, scores: Scores) -> dict[str, Any]:
        """MCC, and the threshold that predictions are called at."""
        names = ("mcc", "threshold", "mcc_at_threshold")
        return {name: scores.figures[name] for name in names}


TASK = ResidueBinary
