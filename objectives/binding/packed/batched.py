"""The products of all lanes at once, for GPUs: see ``products``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from objectives.binding.packed.products import Operands


@dataclass(frozen=True)
class Stacks:
    """The updates of all lanes at one matrix, padded with zeros to the highest rank.

    A zero row of A meets a zero row of B, so neither gets a gradient and both stay zero.

    Attributes:
        a: shape (lanes, rank, inputs).
        b: shape (lanes, rank, outputs).
        scales: shape (lanes, 1, 1).
        lanes: which lanes of the pass they belong to, shape (lanes,); None for all.
        factors: dropout's factors, shape (lanes, places, inputs), or None.
    """

    a: torch.Tensor
    b: torch.Tensor
    scales: torch.Tensor
    lanes: torch.Tensor | None
    factors: torch.Tensor | None


def batched_product(x: torch.Tensor, operands: Operands, stacks: Stacks) -> torch.Tensor:
    """Multiply all lanes at once; every lane has the same number of token places.

    Args:
        x: shape (lanes * places, inputs), in the compute dtype.
        operands: see ``Operands``; its updates give the parameters that get gradients.
        stacks: the same updates, stacked.

    Returns:
        Shape (lanes * places, outputs).
    """
    trained = [p for update in operands.updates if update for p in (update.a, update.b)]
    return _BatchedProduct.apply(x, operands, stacks, *trained)


class _BatchedProduct(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        x: torch.Tensor,
        operands: Operands,
        stacks: Stacks,
        *trained: torch.Tensor,
    ) -> torch.Tensor:
        del trained
        y = torch.nn.functional.linear(x, operands.matrix.dense(), operands.bias)
        rows = _of_lanes(x, operands, stacks)
        dropped = rows if stacks.factors is None else rows * stacks.factors
        low = torch.bmm(dropped, stacks.a.transpose(1, 2).to(x.dtype))
        low = low * stacks.scales.to(x.dtype)
        _add(y, torch.bmm(low, stacks.b.to(x.dtype)), operands, stacks)
        ctx.operands, ctx.stacks = operands, stacks
        ctx.save_for_backward(x, low)
        return y

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        x, low = ctx.saved_tensors
        operands: Operands = ctx.operands
        stacks: Stacks = ctx.stacks
        rows = _of_lanes(x, operands, stacks)
        dropped = rows if stacks.factors is None else rows * stacks.factors
        g = _of_lanes(gradient, operands, stacks)
        back = torch.bmm(g, stacks.b.transpose(1, 2).to(x.dtype)) * stacks.scales.to(x.dtype)
        to_a = torch.bmm(back.transpose(1, 2), dropped).to(stacks.a.dtype)
        to_b = torch.bmm(low.transpose(1, 2), g).to(stacks.b.dtype)
        to_input = None
        if ctx.needs_input_grad[0]:
            to_input = gradient @ operands.matrix.dense()
            added = torch.bmm(back, stacks.a.to(x.dtype))
            if stacks.factors is not None:
                added = added * stacks.factors
            _add(to_input, added, operands, stacks)
        trained: list[torch.Tensor] = []
        adapted = [update for update in operands.updates if update]
        for number, update in enumerate(adapted):
            rank = len(update.a)
            trained += [to_a[number, :rank], to_b[number, :rank]]
        return to_input, None, None, *trained


def _of_lanes(flat: torch.Tensor, operands: Operands, stacks: Stacks) -> torch.Tensor:
    """The rows of the adapted lanes, shape (lanes, places, features)."""
    blocks = flat.view(len(operands.bounds), -1, flat.shape[-1])
    return blocks if stacks.lanes is None else blocks.index_select(0, stacks.lanes)


def _add(into: torch.Tensor, part: torch.Tensor, operands: Operands, stacks: Stacks) -> None:
    """Add what the adapted lanes get to the rows of all lanes, in place."""
    blocks = into.view(len(operands.bounds), -1, into.shape[-1])
    if stacks.lanes is None:
        blocks.add_(part)
    else:
        blocks.index_add_(0, stacks.lanes, part)
