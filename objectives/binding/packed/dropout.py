"""Dropout on the lanes' tokens, each lane with its own masks."""

from __future__ import annotations

import torch

from objectives.binding.packed.layout import Layout, current
from objectives.binding.packed.masks import kept
from objectives.binding.packed.upload import upload


def factors(
    layout: Layout, number: int, module: str, features: int, probability: float, like: torch.Tensor
) -> torch.Tensor:
    """What a lane's numbers are multiplied by: 0, or 1 / (1 - probability) where kept.

    Args:
        layout: of the pass.
        number: which of its lanes.
        module: path of the module that drops.
        features: how many numbers each token has there.
        probability: that a number is dropped.
        like: gives the device and dtype.

    Returns:
        Shape (places, features).
    """
    keys = upload(layout.keys_of(number, module), like.device)
    keep = kept(keys, features, probability)
    return keep.to(like.dtype).mul_(1 / (1 - probability))


class LaneDropout(torch.nn.Module):
    """Stands for an ``nn.Dropout`` of the base, which has masks of its own for each lane.

    Args:
        path: of the module in the model.
        probability: that a number is dropped in a training step.
    """

    def __init__(self, path: str, probability: float) -> None:
        super().__init__()
        self.path = path
        self.p = probability  # the name BERT's attention reads it by

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Drop from ``x`` (..., features) in a training step, pass it on in an evaluation."""
        layout = current()
        if not layout.shares[0].step:
            return x
        parts = [
            factors(layout, i, self.path, x.shape[-1], self.p, x) for i in range(len(layout.shares))
        ]
        return x * torch.cat(parts).view_as(x)
