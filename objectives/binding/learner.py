"""A model under training, with what it takes to feed it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import nn

from objectives.binding.base import Precision
from objectives.binding.collate import Windows, collate


@dataclass(frozen=True)
class Learner:
    """A token classifier for two classes.

    Attributes:
        model: the classifier, adapters attached; what requires a gradient is trained.
        precision: where it is and in what numbers it computes.
        pad_token_id: fills short windows of a batch on the right.
    """

    model: nn.Module
    precision: Precision
    pad_token_id: int

    def read(self, windows: Windows, indices: Sequence[int]) -> tuple[torch.Tensor, torch.Tensor]:
        """Run one batch through the model.

        Returns:
            Logits in float32, shape (windows, length, 2), and labels, shape
            (windows, length), ``IGNORED`` where nothing is known.
        """
        batch = collate(windows, indices, self.pad_token_id, self.precision.device)
        mixed = self.precision.compute_dtype != torch.float32
        dtype = self.precision.compute_dtype if mixed else None
        with torch.autocast(self.precision.device.type, dtype=dtype, enabled=mixed):
            output = self.model(input_ids=batch.input_ids, attention_mask=batch.attention_mask)
        return output.logits.float(), batch.labels
