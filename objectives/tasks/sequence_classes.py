"""Sequences of two or more classes, such as soluble or not: cross-entropy, scored by MCC."""

from __future__ import annotations

import numpy as np
import torch
from torch.nn.functional import cross_entropy

from objectives.data.labels.classes import SequenceClasses as Labels
from objectives.data.prepare.windows import Windows
from objectives.lora.packed.layout import LaneBatch
from objectives.lora.sequence_task import SequenceTask, targets_of
from objectives.lora.task import CLASS_WEIGHTS, FloatArray
from objectives.metrics.classes import ClassPredictions, class_figures, class_interval
from objectives.metrics.loss import class_weight
from objectives.metrics.task_measures import SEQUENCE_CLASSES


class SequenceClasses(SequenceTask):
    """Classify each sequence as one of the classes that the data name."""

    name = "sequence_classes"
    labels = Labels
    measures = SEQUENCE_CLASSES
    figures = class_figures
    interval = class_interval
    class_weights = CLASS_WEIGHTS

    @property
    def width(self) -> int:
        """One for each class."""
        return len(self.facts["classes"])

    def weight(self, windows: Windows, device: torch.device) -> torch.Tensor | None:
        """The weight of each class, as ``class_weight`` says."""
        classes = [targets_of(windows, range(len(windows)))[:, 0].astype(np.int64)]
        return class_weight(classes, self.settings.class_weight, device, self.width)

    def loss(
        self, logits: torch.Tensor, batch: LaneBatch, weight: torch.Tensor | None
    ) -> torch.Tensor:
        """Mean cross-entropy over the sequences, in nats."""
        wanted = self.wanted(batch, logits.device)[:, 0].long()
        return cross_entropy(self.pooled(logits, batch), wanted, weight=weight)

    def predictions(self, values: FloatArray, windows: Windows) -> ClassPredictions:
        """Logits with the classes of the sequences."""
        classes = targets_of(windows, range(len(windows)))[:, 0].astype(np.int64)
        return ClassPredictions(values, classes, self.facts["classes"])


TASK = SequenceClasses
