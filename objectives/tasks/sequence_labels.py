"""Sequences with any number of labels, such as GO terms: binary cross-entropy, Fmax."""

from __future__ import annotations

import torch
from torch.nn.functional import binary_cross_entropy_with_logits

from objectives.data.labels.label_sets import SequenceLabels as Labels
from objectives.data.prepare.windows import Windows
from objectives.lora.packed.layout import LaneBatch
from objectives.lora.sequence_task import SequenceTask, targets_of
from objectives.lora.task import FloatArray
from objectives.metrics.label_sets import SetPredictions, set_figures, set_interval
from objectives.metrics.task_measures import SEQUENCE_LABELS


class SequenceLabels(SequenceTask):
    """Predict for each label that the data name whether a sequence has it."""

    name = "sequence_labels"
    labels = Labels
    measures = SEQUENCE_LABELS
    figures = set_figures
    interval = set_interval

    @property
    def width(self) -> int:
        """One for each label."""
        return len(self.facts["classes"])

    def loss(
        self, logits: torch.Tensor, batch: LaneBatch, weight: torch.Tensor | None
    ) -> torch.Tensor:
        """Mean binary cross-entropy over sequences and labels, in nats."""
        del weight
        wanted = self.wanted(batch, logits.device)
        return binary_cross_entropy_with_logits(self.pooled(logits, batch), wanted)

    def predictions(self, values: FloatArray, windows: Windows) -> SetPredictions:
        """Logits with the labels of the sequences."""
        held = targets_of(windows, range(len(windows))) == 1
        return SetPredictions(values, held, self.facts["classes"])


TASK = SequenceLabels
