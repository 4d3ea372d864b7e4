"""A number per sequence, such as a retention time: squared error, scored by Spearman."""

from __future__ import annotations

import numpy as np
import torch

from objectives.data.labels.values import SequenceValues
from objectives.data.prepare.windows import Windows
from objectives.lora.packed.layout import LaneBatch
from objectives.lora.sequence_task import SequenceTask, targets_of
from objectives.lora.task import FloatArray
from objectives.metrics.task_measures import SEQUENCE_VALUES
from objectives.metrics.values import ValuePredictions, value_figures, value_interval


class SequenceRegression(SequenceTask):
    """Predict a number for each sequence, standardised by the training split."""

    name = "sequence_regression"
    labels = SequenceValues
    measures = SEQUENCE_VALUES
    figures = value_figures
    interval = value_interval
    width = 1

    def loss(
        self, logits: torch.Tensor, batch: LaneBatch, weight: torch.Tensor | None
    ) -> torch.Tensor:
        """Mean squared error over the sequences, in units of the labels' variance."""
        del weight
        wanted = (self.wanted(batch, logits.device) - self.facts["mean"]) / self.facts["sd"]
        return (self.pooled(logits, batch) - wanted).square().mean()

    def read(self, logits: torch.Tensor, batch: LaneBatch) -> torch.Tensor:
        """The number of each sequence, in the unit of the labels."""
        return super().read(logits, batch) * self.facts["sd"] + self.facts["mean"]

    def predictions(self, values: FloatArray, windows: Windows) -> ValuePredictions:
        """Numbers with the labels of the sequences."""
        known = targets_of(windows, range(len(windows)))[:, 0].astype(np.float64)
        return ValuePredictions(values, known, self.facts["sd"])


TASK = SequenceRegression
