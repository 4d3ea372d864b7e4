"""A number per residue: squared error, scored by Spearman's correlation."""

from __future__ import annotations

import numpy as np
import torch

from objectives.data.labels.values import ResidueValues
from objectives.data.prepare.windows import Windows, known_of
from objectives.lora.packed.layout import LaneBatch
from objectives.lora.task import FloatArray, Task, labelled
from objectives.metrics.task_measures import RESIDUE_VALUES
from objectives.metrics.values import ValuePredictions, value_figures, value_interval


class ResidueRegression(Task):
    """Predict a number for each residue, standardised by the training split."""

    name = "residue_regression"
    labels = ResidueValues
    measures = RESIDUE_VALUES
    figures = value_figures
    interval = value_interval
    outputs = 1

    def loss(
        self, logits: torch.Tensor, batch: LaneBatch, weight: torch.Tensor | None
    ) -> torch.Tensor:
        """Mean squared error over the labelled residues, in units of the labels' variance."""
        del weight
        rows = labelled(batch, logits.device)
        wanted = (batch.labels(logits.device)[rows] - self.facts["mean"]) / self.facts["sd"]
        return (logits[rows, 0] - wanted).square().mean()

    def read(self, logits: torch.Tensor, batch: LaneBatch) -> torch.Tensor:
        """The number of each labelled residue, in the unit of the labels."""
        wide = logits[:, labelled(batch, logits.device)].double()
        return wide * self.facts["sd"] + self.facts["mean"]

    def predictions(self, values: FloatArray, windows: Windows) -> ValuePredictions:
        """Numbers with the labels of the residues."""
        return ValuePredictions(values, known_of(windows)[0].astype(np.float64), self.facts["sd"])


TASK = ResidueRegression
