"""Dropout on the lanes' tokens, with independent masks for each lane."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from objectives.lora.packed.dropout_hash import hashed, kept
from objectives.lora.packed.layout import LaneBatch, Layout, current
from objectives.lora.packed.lora_bmm import StackedLora
from objectives.seeds import derive

_HASHED = 2**27  # numbers hashed at once on a GPU: 1 GiB, plus as much for temporaries


def factors(
    layout: Layout, number: int, module: str, features: int, probability: float, like: torch.Tensor
) -> torch.Tensor:
    """Dropout factors of one lane: 0 where dropped, 1 / (1 - probability) where kept.

    For inputs whose rows are not tokens, such as relative-position embeddings, the mask is drawn
    from PyTorch's random stream; see ``own_stream``.

    Args:
        layout: of the pass.
        number: index of the lane in the pass.
        module: path of the module that applies dropout.
        features: features per token.
        probability: dropout probability.
        like: the module's input, of all lanes; gives the device and dtype.

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
    """Dropout factors of all lanes with an update, in a layout padded to equal lengths.

    Args:
        layout: of the pass.
        stacks: the lanes' updates of the module.
        module: path of the module.
        like: the module's input, shape (..., features).

    Returns:
        Shape (lanes, places, features).
    """
    features, keys = like.shape[-1], layout.keys(stacks.lanes, module, like.device)
    made = like.new_empty(*keys.shape, features)
    # Hashes (int64) take four times the memory of half precision: process a few lanes at a time.
    few = max(1, _HASHED // (layout.room * features))
    for start in range(0, len(keys), few):
        own = slice(start, start + few)
        hashes = hashed(keys[own].flatten(), features).view(-1, layout.room, features)
        made[own] = hashes >= stacks.thresholds[own]
    return made.mul_(stacks.gains)


@contextmanager
def own_stream(share: LaneBatch, device: torch.device) -> Iterator[None]:
    """Seed PyTorch's random stream by trial and step within the block, then restore it.

    For dropout inside attention modules of bases that cannot use ``packed_attention``.

    Args:
        share: the only lane's batch of the pass.
        device: of the pass.
    """
    devices = [device] if device.type == "cuda" else []
    with torch.random.fork_rng(devices=devices):
        torch.manual_seed(derive(share.lane.seed, "attention", share.step))
        yield


class LaneDropout(torch.nn.Module):
    """Replaces an ``nn.Dropout`` of the base, with independent masks for each lane.

    Args:
        path: of the module in the model.
        probability: dropout probability in a training step.
    """

    def __init__(self, path: str, probability: float) -> None:
        super().__init__()
        self.path = path
        self.p = probability  # BERT's attention reads this attribute

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Apply dropout to ``x`` (..., features) in a training step; identity in an evaluation."""
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
