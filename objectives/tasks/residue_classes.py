"""Residues of several classes, such as secondary structure or ligand types: cross-entropy, MCC."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from objectives.data.labels.classes import ResidueClasses as Labels
from objectives.data.prepare.windows import Windows, known_of
from objectives.lora.packed.layout import LaneBatch, Layout
from objectives.lora.task import CLASS_WEIGHTS, FloatArray, Scores, Task, labelled
from objectives.metrics.classes import ClassPredictions, class_figures, class_interval
from objectives.metrics.loss import class_weight, lane_losses, residue_loss
from objectives.metrics.task_measures import RESIDUE_CLASSES
from objectives.metrics.task_scores import TaskScores


class ResidueClasses(Task):
    """Classify each residue as one of the classes that the data name."""

    name = "residue_classes"
    labels = Labels
    measures = RESIDUE_CLASSES
    class_weights = CLASS_WEIGHTS

    @property
    def outputs(self) -> int:
        """One for each class."""
        return len(self.facts["classes"])

    def weight(self, windows: Windows, device: torch.device) -> torch.Tensor | None:
        """The weight of each class, as ``class_weight`` says."""
        return class_weight(windows.labels, self.settings.class_weight, device, self.outputs)

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
        """The logits of each labelled residue."""
        return logits[:, labelled(batch, logits.device)].double()

    def predictions(self, values: FloatArray, windows: Windows) -> ClassPredictions:
        """Logits with the classes of the residues."""
        return ClassPredictions(
            values, known_of(windows)[0].astype(np.int64), self.facts["classes"]
        )

    def scores(self, ligands: Sequence[str]) -> Scores:
        """MCC, F1, areas and a table by class."""
        del ligands
        return TaskScores(self.metric, class_figures, class_interval, self.bootstrap_seed)


TASK = ResidueClasses
