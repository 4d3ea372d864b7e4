"""The common part of tasks that give each residue one of several classes."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from objectives.data.prepare.windows import Windows
from objectives.lora.packed.layout import LaneBatch, Layout
from objectives.lora.task import CLASS_WEIGHTS, Task
from objectives.metrics.loss import class_weight, lane_losses, residue_loss


class ResidueClassTask(Task):
    """A task with one class per residue, learned by cross-entropy."""

    class_weights = CLASS_WEIGHTS

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
