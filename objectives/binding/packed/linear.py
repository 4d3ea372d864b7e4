"""What stands in the model for a frozen linear layer, with room for the lanes' updates."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from objectives.binding.packed.batched import Stacks, batched_product
from objectives.binding.packed.dropout import factors
from objectives.binding.packed.formulation import merges
from objectives.binding.packed.frozen import FrozenMatrix
from objectives.binding.packed.layout import Layout, current
from objectives.binding.packed.products import LowRank, Operands, lane_product


class LaneLinear(nn.Module):
    """A frozen linear layer whose lanes each have an update of their own, or none.

    The updates lie in two stacks, padded with zeros to the highest rank; a lane's parameters
    are views of its rows.

    Args:
        path: of the module in the model.
        linear: the module it replaces.
        matrix: its weight.
        compute_dtype: of the products.
    """

    def __init__(
        self, path: str, linear: nn.Linear, matrix: FrozenMatrix, compute_dtype: torch.dtype
    ) -> None:
        super().__init__()
        self.path = path
        self.matrix = matrix
        self.inputs, self.outputs = linear.in_features, linear.out_features
        self._dtype = compute_dtype
        bias = None if linear.bias is None else linear.bias.detach().to(compute_dtype)
        self.bias: torch.Tensor | None
        self.register_buffer("bias", bias, persistent=False)
        self._slots: list[Any] = []
        self._updates: dict[Any, LowRank] = {}
        device = matrix.device
        self._a = torch.zeros(0, 0, self.inputs, device=device)
        self._b = torch.zeros(0, 0, self.outputs, device=device)

    def enrol(
        self, lane: Any, a: torch.Tensor, *, scale: float, dropout: float, tokens: int
    ) -> LowRank:
        """Give a lane an update here: A as given, B zero.

        Args:
            lane: who.
            a: LoRA's A at the start, shape (rank, inputs).
            scale: factor on the update.
            dropout: on the update's input.
            tokens: of the lane's step, by its settings.
        """
        if None not in self._slots:
            self._slots.append(None)
        slot = self._slots.index(None)
        self._slots[slot] = lane
        self._make_room(len(self._slots), max(len(a), self._a.shape[1]))
        merged = merges(
            (self.outputs, self.inputs),
            tokens=tokens,
            dropout=dropout,
            dtype=self._dtype,
            device=self.matrix.device,
        )
        own_a, own_b = (nn.Parameter(stack[slot, : len(a)]) for stack in (self._a, self._b))
        update = LowRank(own_a, own_b, scale, dropout, merged)
        with torch.no_grad():
            update.a.copy_(a)
        self._updates[lane] = update
        return update

    def dismiss(self, lane: Any) -> None:
        """Take a lane's update away; what it trained stays with it."""
        update = self._updates.pop(lane, None)
        if update is None:
            return
        slot = self._slots.index(lane)
        self._slots[slot] = None
        for stack, parameter in ((self._a, update.a), (self._b, update.b)):
            parameter.data = parameter.data.clone()
            stack[slot].zero_()

    def _make_room(self, slots: int, rank: int) -> None:
        """Widen the stacks, and point the lanes' parameters to where their rows are now."""
        if slots == len(self._a) and rank == self._a.shape[1]:
            return
        old = self._a, self._b
        self._a = old[0].new_zeros(slots, rank, self.inputs)
        self._b = old[1].new_zeros(slots, rank, self.outputs)
        for new, stack in zip((self._a, self._b), old, strict=True):
            new[: len(stack), : stack.shape[1]] = stack
        for lane, update in self._updates.items():
            slot = self._slots.index(lane)
            update.a.data = self._a[slot, : len(update.a)]
            update.b.data = self._b[slot, : len(update.b)]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Multiply ``x`` (..., inputs), laid out as the pass under way, to (..., outputs)."""
        layout = current()
        flat = x.reshape(-1, self.inputs).to(self._dtype)
        updates = [self._updates.get(share.lane) for share in layout.shares]
        drops = [self._factors(layout, i, u, flat) for i, u in enumerate(updates)]
        operands = Operands(self.matrix, self.bias, layout.bounds, updates, drops)
        if layout.room and any(updates):
            y = batched_product(flat, operands, self._stacks(layout, operands))
        else:
            y = lane_product(flat, operands)
        return y.view(*x.shape[:-1], self.outputs)

    def _factors(
        self, layout: Layout, number: int, update: LowRank | None, flat: torch.Tensor
    ) -> torch.Tensor | None:
        if update is None or not update.dropout or not layout.shares[number].step:
            return None
        return factors(layout, number, self.path, self.inputs, update.dropout, flat)

    def _stacks(self, layout: Layout, operands: Operands) -> Stacks:
        """The stacked updates of the lanes of this pass."""
        adapted = [i for i, update in enumerate(operands.updates) if update]
        slots = [self._slots.index(layout.shares[i].lane) for i in adapted]
        scales = [update.scale for update in operands.updates if update]
        whole = slots == list(range(len(self._a)))
        rows = layout.on_device(tuple(slots), self._a.device)
        everyone = len(adapted) == len(layout.shares)
        dropped = [operands.factors[i] for i in adapted]
        masks = None
        if any(mask is not None for mask in dropped):
            ones = flat_ones(layout.room, self.inputs, self._a)
            masks = torch.stack([ones if mask is None else mask for mask in dropped])
        return Stacks(
            a=self._a if whole else self._a.index_select(0, rows),
            b=self._b if whole else self._b.index_select(0, rows),
            scales=layout.on_device(tuple(scales), self._a.device).view(-1, 1, 1),
            lanes=None if everyone else layout.on_device(tuple(adapted), self._a.device),
            factors=masks,
        )


def flat_ones(places: int, features: int, like: torch.Tensor) -> torch.Tensor:
    """The factors of a lane that drops nothing."""
    return like.new_ones(1, 1).expand(places, features)
