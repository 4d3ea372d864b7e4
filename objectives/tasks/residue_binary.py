"""Residues of two classes, such as binding or not: cross-entropy, scored by MCC."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from objectives.data.chain import CLASSES
from objectives.data.labels.binding_sites import BindingSites
from objectives.data.prepare.windows import Windows, known_of
from objectives.lora.packed.layout import LaneBatch
from objectives.lora.residue_task import ResidueClassTask
from objectives.lora.task import FloatArray, Scores, labelled
from objectives.metrics.binary_measures import MEASURES
from objectives.metrics.metrics import Predictions
from objectives.metrics.scores import BinaryScores


class ResidueBinary(ResidueClassTask):
    """Classify each residue as 1 or 0."""

    name = "residue_binary"
    labels = BindingSites
    measures = MEASURES
    needs_facts = False
    number_weights = True
    outputs = CLASSES

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
