"""Products of the lanes' tokens with a frozen matrix plus each lane's low-rank update.

Three formulations of ``y = x W' + b + scale * (x A') B``. *Merged* adds the update to a copy
of ``W`` and multiplies once: fastest for many tokens per lane. *Unmerged* computes the low-rank
product separately: fastest for few tokens, and needed for dropout. Both run lane by lane, so
that a lane's results do not depend on the other lanes. *Batched* (``lora_bmm``) multiplies all
lanes at once, for GPUs, which are limited by kernel launches.

Source: LoRA, Hu et al. 2021, arXiv:2106.09685.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import nn

from objectives.lora.packed.base_weight import BaseWeight
from objectives.lora.packed.device import multiply


@dataclass(frozen=True)
class LoraUpdate:
    """One lane's low-rank update of one matrix."""

    a: nn.Parameter  # LoRA's A, shape (rank, inputs)
    b: nn.Parameter  # LoRA's B, transposed, shape (rank, outputs)
    scale: float  # factor on the update
    dropout: float  # dropout probability on the update's input
    merged: bool  # whether the update is merged into a copy of the weight


@dataclass(frozen=True)
class LaneOperands:
    """The operands of a lane-by-lane product."""

    matrix: BaseWeight  # the frozen weight, shape (outputs, inputs)
    bias: torch.Tensor | None  # shape (outputs,), or None
    bounds: Sequence[tuple[int, int]]  # start and end of each lane's rows
    updates: Sequence[LoraUpdate | None]  # low-rank update of each lane, or None
    factors: Sequence[torch.Tensor | None]  # dropout factors on each lane's input, (rows, inputs)


def lora_matmul(x: torch.Tensor, operands: LaneOperands) -> torch.Tensor:
    """Compute ``y = x W' + b + scale * (x A') B`` lane by lane.

    Args:
        x: shape (places, inputs), in the compute dtype.
        operands: weight, bias, and each lane's rows, update and dropout factors.

    Returns:
        Shape (places, outputs).
    """
    trained = [p for update in operands.updates if update for p in (update.a, update.b)]
    return _LaneProduct.apply(x, operands, *trained)


class _LaneProduct(torch.autograd.Function):
    """A custom autograd function, which saves less than autograd: never the frozen weight."""

    @staticmethod
    def forward(
        ctx: Any, x: torch.Tensor, operands: LaneOperands, *trained: torch.Tensor
    ) -> torch.Tensor:
        del trained  # arguments only so that autograd assigns their gradients
        weight, bias = operands.matrix.dense(), operands.bias
        outs: list[torch.Tensor] = []
        kept: list[torch.Tensor | None] = []
        lanes = zip(operands.bounds, operands.updates, operands.factors, strict=True)
        for (start, stop), update, factor in lanes:
            rows = x[start:stop]
            if update is None:
                outs.append(multiply(rows, weight, bias))
                kept.append(None)
            elif update.merged:
                own = torch.addmm(weight, update.b.t(), update.a, alpha=update.scale)
                outs.append(multiply(rows, own, bias))
                kept.append(own)
            else:
                low = (rows if factor is None else rows * factor) @ update.a.t().to(x.dtype)
                out = multiply(rows, weight, bias)
                outs.append(out.addmm_(low, update.b.to(x.dtype), alpha=update.scale))
                kept.append(low)
        # All large tensors are saved by autograd, so that gradient checkpointing can drop them.
        ctx.save_for_backward(x, *kept, *operands.factors)
        ctx.operands = replace(operands, factors=())
        return _joined(outs)

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        operands: LaneOperands = ctx.operands
        x, *saved = ctx.saved_tensors
        count = len(operands.bounds)
        all_kept, factors = saved[:count], saved[count:]
        wanted = ctx.needs_input_grad[0]
        weight = x.new_empty(0)
        if wanted and not all(u and u.merged for u in operands.updates):
            weight = operands.matrix.dense()
        intos: list[torch.Tensor] = []
        trained: list[torch.Tensor] = []
        lanes = zip(operands.bounds, operands.updates, factors, all_kept, strict=True)
        for (start, stop), update, factor, kept in lanes:
            rows, g = x[start:stop], gradient[start:stop]
            into = None
            if wanted:
                own = kept if update is not None and update.merged else weight
                into = multiply(g, own.t())
                intos.append(into)
            if update is not None:
                trained.extend(_to_update(rows, g, update, factor, kept, into))
        return _joined(intos) if wanted else None, None, *trained


def _joined(parts: list[torch.Tensor]) -> torch.Tensor:
    """Concatenate the lanes' rows; no copy for a single lane."""
    return parts[0] if len(parts) == 1 else torch.cat(parts)


def _to_update(
    rows: torch.Tensor,
    gradient: torch.Tensor,
    update: LoraUpdate,
    factor: torch.Tensor | None,
    kept: torch.Tensor,
    into: torch.Tensor | None,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Gradients of one lane's A and B; the input's gradient through them is added to ``into``."""
    a, b = update.a.to(rows.dtype), update.b.to(rows.dtype)
    dropped = rows if factor is None else rows * factor
    low = dropped @ a.t() if update.merged else kept
    back = (gradient @ b.t()).mul_(update.scale)
    if into is not None and not update.merged:
        if factor is None:
            into.addmm_(back, a)
        else:
            into.addcmul_(back @ a, factor)
    to_a = back.t() @ dropped
    to_b = (low * update.scale).t() @ gradient
    return to_a.to(update.a.dtype), to_b.to(update.b.dtype)


_BREAK_EVEN = 1.0
"""Tokens from which merging is faster, in units of outputs * inputs / (outputs + inputs).

Merging writes a copy of the matrix, outputs * inputs numbers; the unmerged product reads and
writes tokens * (outputs + inputs) numbers more. ``python -m benchmarks.packed.formulations``
measures the break-even at one unit, for all shapes and ranks; a step gains up to 5 %.
"""

_LARGEST = 2**20  # matrix size above which merging gains below 2 %, not worth a copy per lane


def should_merge(
    shape: tuple[int, int],
    *,
    tokens: int,
    dropout: float,
    dtype: torch.dtype,
    device: torch.device,
) -> bool:
    """Whether a lane's update is merged into a copy of the weight.

    Args:
        shape: of the weight, (outputs, inputs).
        tokens: tokens per step in the trial's settings.
        dropout: probability on the update's input; not possible with a merged weight.
        dtype: of the products; in half precision, merging would round the weight, unlike PEFT.
        device: of the products; on a GPU all lanes are multiplied in a batch.
    """
    if device.type != "cpu" or dtype != torch.float32 or dropout or math.prod(shape) > _LARGEST:
        return False
    outputs, inputs = shape
    return tokens >= _BREAK_EVEN * outputs * inputs / (outputs + inputs)
