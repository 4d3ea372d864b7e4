"""Batched products with a frozen matrix plus all lanes' low-rank updates, for GPUs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import torch

from objectives.lora.packed.base_weight import BaseWeight
from objectives.lora.packed.device import to_device
from objectives.lora.packed.dropout_hash import threshold


@dataclass(frozen=True)
class StackedLora:
    """The low-rank updates of all lanes of one matrix, zero-padded to the highest rank.

    The padding rows of A and B are both zero, so both have zero gradients and stay zero.
    """

    a: torch.Tensor  # LoRA's A, shape (lanes, rank, inputs), in the compute dtype
    b: torch.Tensor  # LoRA's B, transposed and times the lane's scale, shape (lanes, rank, outputs)
    numbers: tuple[int, ...]  # index in the pass of each lane
    lanes: torch.Tensor | None  # ``numbers`` as a tensor (lanes,); None if all lanes of the pass
    dropouts: tuple[float, ...]  # dropout probability on each lane's input

    @cached_property
    def thresholds(self) -> torch.Tensor:
        """``dropout_hash.threshold`` of each lane's dropout, shape (lanes, 1, 1)."""
        numbers = np.array([threshold(p) for p in self.dropouts])
        return to_device(numbers, self.a.device).view(-1, 1, 1)

    @cached_property
    def gains(self) -> torch.Tensor:
        """1 / (1 - p) of each lane's dropout probability p, shape (lanes, 1, 1)."""
        numbers = np.array([1 / (1 - p) for p in self.dropouts], dtype=np.float32)
        return to_device(numbers, self.a.device).view(-1, 1, 1)


@dataclass(frozen=True)
class BaseOperands:
    """The operands of a batched product besides the low-rank updates."""

    matrix: BaseWeight  # the frozen weight, shape (outputs, inputs)
    bias: torch.Tensor | None  # shape (outputs,), or None
    lanes: int  # number of lanes of the pass, all padded to the same number of places
    factors: torch.Tensor | None  # of dropout, (adapted lanes, places, inputs)


def lora_bmm(x: torch.Tensor, frame: BaseOperands, stacks: StackedLora) -> torch.Tensor:
    """Compute ``y = x W' + b + (x A') B`` of all lanes in batched products.

    Args:
        x: shape (lanes * places, inputs), in the compute dtype.
        frame: weight, bias and dropout factors.
        stacks: the lanes' updates; A and B get gradients.

    Returns:
        Shape (lanes * places, outputs).
    """
    return _BatchedProduct.apply(x, stacks.a, stacks.b, frame, stacks)


class _BatchedProduct(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        x: torch.Tensor,
        a: torch.Tensor,
        b: torch.Tensor,
        frame: BaseOperands,
        stacks: StackedLora,
    ) -> torch.Tensor:
        y = torch.nn.functional.linear(x, frame.matrix.dense(), frame.bias)
        rows = _of_lanes(x, frame, stacks)
        dropped = rows if frame.factors is None else rows * frame.factors
        low = torch.bmm(dropped, a.transpose(1, 2))
        _add(y, torch.bmm(low, b), frame, stacks)
        # All large tensors are saved by autograd, so that gradient checkpointing can drop them.
        ctx.save_for_backward(x, low, frame.factors)
        ctx.frame, ctx.stacks = replace(frame, factors=None), stacks
        return y

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        x, low, factors = ctx.saved_tensors
        frame: BaseOperands = ctx.frame
        stacks: StackedLora = ctx.stacks
        rows = _of_lanes(x, frame, stacks)
        dropped = rows if factors is None else rows * factors
        g = _of_lanes(gradient, frame, stacks)
        back = torch.bmm(g, stacks.b.transpose(1, 2))
        to_a = torch.bmm(back.transpose(1, 2), dropped)
        to_b = torch.bmm(low.transpose(1, 2), g)
        to_input = None
        if ctx.needs_input_grad[0]:
            to_input = gradient @ frame.matrix.dense()
            added = torch.bmm(back, stacks.a)
            if factors is not None:
                added = added * factors
            _add(to_input, added, frame, stacks)
        return to_input, to_a, to_b, None, None


def _of_lanes(flat: torch.Tensor, frame: BaseOperands, stacks: StackedLora) -> torch.Tensor:
    """The rows of the adapted lanes, shape (lanes, places, features)."""
    blocks = flat.view(frame.lanes, -1, flat.shape[-1])
    return blocks if stacks.lanes is None else blocks.index_select(0, stacks.lanes)


def _add(into: torch.Tensor, part: torch.Tensor, frame: BaseOperands, stacks: StackedLora) -> None:
    """Add the adapted lanes' ``part`` to the rows of ``into`` that are theirs, in place."""
    blocks = into.view(frame.lanes, -1, into.shape[-1])
    if stacks.lanes is None:
        blocks.add_(part)
    else:
        blocks.index_add_(0, stacks.lanes, part)
