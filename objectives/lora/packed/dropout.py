"""Dropout on the lanes' tokens, each lane with its own masks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from objectives.lora.packed.dropout_hash import hashed, kept
from objectives.lora.packed.layout import LaneBatch, Layout
from objectives.lora.packed.lora_bmm import StackedLora
from objectives.lora.packed.pass_context import current
from objectives.seeds import derive

_HASHED = 2**27
"""Numbers that are hashed at once on a GPU: 1 GiB, and as much again in passing."""


def factors(
    layout: Layout, number: int, module: str, features: int, probability: float, like: torch.Tensor
) -> torch.Tensor:
    """What a lane's numbers are multiplied by: 0, or 1 / (1 - probability) where kept.

    Rows that are no tokens are dropped from by PyTorch's random stream; see ``own_stream``.

    Args:
        layout: of the pass.
        number: which of its lanes.
        module: path of the module that drops.
        features: how many numbers each token has there.
        probability: that a number is dropped.
        like: what is dropped from, by all lanes; gives the device and dtype.

    Returns:
        Shape (places, features).
    """
    if like.numel() != features * sum(layout.sizes):
        layout.bounds_of(like.numel() // features, module)
        return torch.nn.functional.dropout(like.new_ones(like.shape), probability)
    keep = kept(layout.keys_of(number, module, like.device), features, probability)
    return keep.to(like.dtype).mul_(1 / (1 - probability))


def all_factors(
    layout: Layout, stacks: StackedLora, module: str, like: torch.Tensor
) -> torch.Tensor:
    """The same for all lanes with an update, in a layout that gives all equal room.

    Args:
        layout: of the pass.
        stacks: the updates.
        module: path of their module.
        like: what is dropped from, shape (..., features).

    Returns:
        Shape (lanes, places, features).
    """
    features, keys = like.shape[-1], layout.keys(stacks.lanes, module, like.device)
    made = like.new_empty(*keys.shape, features)
    # A hash takes four times the memory of a number in half precision: a few lanes at a time.
    few = max(1, _HASHED // (layout.room * features))
    for start in range(0, len(keys), few):
        own = slice(start, start + few)
        hashes = hashed(keys[own].flatten(), features).view(-1, layout.room, features)
        made[own] = hashes >= stacks.thresholds[own]
    return made.mul_(stacks.gains)


@contextmanager
def own_stream(share: LaneBatch, device: torch.device) -> Iterator[None]:
    """Let PyTorch's random stream be this step's of this trial, and then what it was.

    For attention that drops by itself, in bases whose attention cannot be ours.

    Args:
        share: all that the pass reads.
        device: of the pass.
    """
    devices = [device] if device.type == "cuda" else []
    with torch.random.fork_rng(devices=devices):
        torch.manual_seed(derive(share.lane.seed, "attention", share.step))
        yield


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
        layout = current().layout
        if not layout.shares[0].step:
            return x
        masks = layout.run_of(self.path)
        if layout.room:
            keys = layout.all_keys([masks], x.device).flatten()
            keep = kept(keys, x.shape[-1], self.p).to(x.dtype)
            return x * keep.mul_(1 / (1 - self.p)).view_as(x)
        parts = [
            factors(layout, i, masks, x.shape[-1], self.p, x) for i in range(len(layout.shares))
        ]
        return x * torch.cat(parts).view_as(x)
