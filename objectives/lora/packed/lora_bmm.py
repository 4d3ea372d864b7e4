"""The products of all lanes at once, for GPUs: see ``products``."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch

from objectives.lora.packed.base_weight import BaseWeight
from objectives.lora.packed.device import to_device
from objectives.lora.packed.dropout_hash import threshold


@dataclass(frozen=True)
class StackedLora:
    """The updates of all lanes at one matrix, padded with zeros to the highest rank.

    A zero row of A meets a zero row of B, so neither gets a gradient and both stay zero.

    Attributes:
        a: shape (lanes, rank, inputs), in the compute dtype.
        b: shape (lanes, rank, outputs), with each lane's scale in it.
        numbers: which lanes of the pass they belong to.
        lanes: the same, shape (lanes,); None for all.
        dropouts: on each lane's input.
    """

    a: torch.Tensor
    b: torch.Tensor
    numbers: tuple[int, ...]
    lanes: torch.Tensor | None
    dropouts: tuple[float, ...]

    @cached_property
    def thresholds(self) -> torch.Tensor:
        """Of each lane's dropout, see ``masks.threshold``; shape (lanes, 1, 1)."""
        numbers = np.array([threshold(p) for p in self.dropouts])
        return to_device(numbers, self.a.device).view(-1, 1, 1)

    @cached_property
    def gains(self) -> torch.Tensor:
        """What each lane's dropout multiplies by what it keeps; shape (lanes, 1, 1)."""
        numbers = np.array([1 / (1 - p) for p in self.dropouts], dtype=np.float32)
        return to_device(numbers, self.a.device).view(-1, 1, 1)


@dataclass(frozen=True)
class BaseOperands:
    """What stands around the updates.

    Attributes:
        matrix: the frozen weight, shape (outputs, inputs).
        bias: shape (outputs,), or None.
        lanes: of the pass, all with the same number of token places.
        factors: dropout's factors on the adapted lanes' inputs, shape (lanes, places, inputs),
            or None.
    """

    matrix: BaseWeight
    bias: torch.Tensor | None
    lanes: int
    factors: torch.Tensor | None


def lora_bmm(x: torch.Tensor, frame: BaseOperands, stacks: StackedLora) -> torch.Tensor:
    """Multiply all lanes at once.

    Args:
        x: shape (lanes * places, inputs), in the compute dtype.
        frame: see ``BaseOperands``.
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
        ctx.frame, ctx.stacks = frame, stacks
        ctx.save_for_backward(x, low)
        return y

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        x, low = ctx.saved_tensors
        frame: BaseOperands = ctx.frame
        stacks: StackedLora = ctx.stacks
        factors = frame.factors
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
    """Add what the adapted lanes get to the rows of all lanes, in place."""
    blocks = into.view(frame.lanes, -1, into.shape[-1])
    if stacks.lanes is None:
        blocks.add_(part)
    else:
        blocks.index_add_(0, stacks.lanes, part)
