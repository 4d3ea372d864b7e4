"""Residues of several classes, such as secondary structure or ligand types: cross-entropy, MCC."""

from __future__ import annotations

import numpy as np
import torch

from objectives.data.labels.classes import ResidueClasses as Labels
from objectives.data.prepare.windows import Windows, known_of
from objectives.lora.packed.layout import LaneBatch
from objectives.lora.residue_task import ResidueClassTask
from objectives.lora.task import FloatArray, labelled
from objectives.metrics.classes import ClassPredictions, class_figures, class_interval
from objectives.metrics.task_measures import RESIDUE_CLASSES


class ResidueClasses(ResidueClassTask):
    """Classify each residue as one of the classes that the data name."""

    name = "residue_classes"
    labels = Labels
    measures = RESIDUE_CLASSES
    figures = class_figures
    interval = class_interval

    @property
    def outputs(self) -> int:
        """One for each class."""
        return len(self.facts["classes"])

    def read(self, logits: torch.Tensor, batch: LaneBatch) -> torch.Tensor:
        """The logits of each labelled residue."""
        return logits[:, labelled(batch, logits.device)].double()

    def predictions(self, values: FloatArray, windows: Windows) -> ClassPredictions:
        """Logits with the classes of the residues."""
        return ClassPredictions(
            values, known_of(windows)[0].astype(np.int64), self.facts["classes"]
        )


TASK = ResidueClasses
