"""What all lanes of a pass train, side by side in one block of memory, for GPUs.

A GPU waits for its host to launch kernels. Where each lane's parameters are tensors of their own,
a step launches some for every parameter of every lane; here it launches as many for 64 lanes as
for four. A lane's own parameters are views of its rows, so that all else finds them as ever.
What a pass multiplies by is a second block, made of the first in one go: scaled, and in the
numbers that it computes in.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from objectives.lora.packed.device import to_device
from objectives.lora.packed.lane_parameters import Adapters
from objectives.lora.packed.lora_bmm import StackedLora

WIDTH = 64
"""Numbers in a row of the block: all of one lane and one parameter; the rest is zeros."""


@dataclass(frozen=True)
class ParameterSlot:
    """Where one parameter of the lanes lies, e.g. A of one module.

    Attributes:
        name: as ``Adapters.named`` has it.
        lanes: which of the lanes have it.
        shape: of the largest one's; a lower rank leaves rows of zeros.
        start: the first of its rows.
        each: rows for each lane.
        decays: whether weight decay applies to it.
    """

    name: str
    lanes: tuple[int, ...]
    shape: tuple[int, ...]
    start: int
    each: int
    decays: bool

    @property
    def stop(self) -> int:
        """The row after its last."""
        return self.start + self.each * len(self.lanes)

    def view(self, block: torch.Tensor) -> torch.Tensor:
        """Its numbers in a block, shape (lanes, *shape)."""
        rows = block[self.start : self.stop].view(len(self.lanes), self.each * WIDTH)
        return rows[:, : math.prod(self.shape)].unflatten(1, self.shape)


def slots_of(named: Sequence[Mapping[str, torch.Tensor]]) -> list[ParameterSlot]:
    """One for each parameter that any lane has.

    Args:
        named: of each lane, its parameters by name.
    """
    names = dict.fromkeys(name for own in named for name in own)
    slots: list[ParameterSlot] = []
    for name in names:
        lanes = tuple(i for i, own in enumerate(named) if name in own)
        shapes = [named[i][name].shape for i in lanes]
        shape = tuple(max(sizes) for sizes in zip(*shapes, strict=True))
        start = slots[-1].stop if slots else 0
        each = -(-math.prod(shape) // WIDTH)
        slots.append(ParameterSlot(name, lanes, shape, start, each, decays=len(shape) > 1))
    return slots


class BlockOptimizer(Protocol):
    """Moves a whole block of parameters."""

    def step(self, gradient: torch.Tensor) -> None:
        """Take a step of every lane, given the block's gradient."""


class StackedParameters:
    """The parameters of some lanes that train together.

    A lane is in one stacked at a time, its last; what trains with other lanes gets a new one.

    Args:
        lanes: admitted to one model; their parameters are moved here.
        dtype: what passes compute in.

    Attributes:
        lanes: in their order in the pass.
        slots: in their order in the block.
        block: all parameters, shape (rows, ``WIDTH``), in float32.
        leaves: by slot name what passes multiply by, which autograd takes for the parameter.
        optimizer: of all of them; set when they take their first step.
    """

    def __init__(self, lanes: Sequence[Adapters], dtype: torch.dtype) -> None:
        self.lanes = tuple(lanes)
        self.optimizer: BlockOptimizer | None = None
        self._named = [lane.named() for lane in lanes]
        self.slots = slots_of(self._named)
        first = next(iter(self._named[0].values()))
        self.block = first.new_zeros(self.slots[-1].stop, WIDTH, requires_grad=False)
        own = self.views(self.block)
        mine: list[torch.Tensor] = [p for named in self._named for p in named.values()]
        with torch.no_grad():
            torch._foreach_copy_(own, mine)  # one launch; it has no public name
        for parameter, view in zip(mine, own, strict=True):
            parameter.data = view
        self._scales = to_device(self._scales_of_rows(), self.block.device)
        self._shown = torch.empty_like(self.block, dtype=dtype)
        self.leaves = {
            slot.name: slot.view(self._shown).detach().requires_grad_() for slot in self.slots
        }
        self._idle: set[str] = set()
        self._parts: dict[tuple[str, tuple[int, ...] | None], StackedLora | None] = {}

    def _scales_of_rows(self) -> NDArray[np.float32]:
        """What each row of the block is multiplied by in a pass: LoRA's scale where it is a B."""
        scales = np.ones((self.slots[-1].stop, 1), dtype=np.float32)
        for slot in self.slots:
            path, adapts, _ = slot.name.partition(".lora_B.")
            for place, lane in enumerate(slot.lanes if adapts else ()):
                start = slot.start + place * slot.each
                scales[start : start + slot.each] = self.lanes[lane].updates[path].scale
        return scales

    @torch.no_grad()
    def refresh(self) -> None:
        """Let passes multiply by the parameters as they are now."""
        torch.mul(self.block, self._scales, out=self._shown)

    def views(self, block: torch.Tensor) -> list[torch.Tensor]:
        """Each lane's each parameter in a block like this one, lane after lane as they name them.

        Args:
            block: shape as that of ``block``.

        Returns:
            Views of the parameters' shapes.
        """
        found: dict[tuple[int, str], torch.Tensor] = {}
        for slot in self.slots:
            for lane, view in zip(slot.lanes, slot.view(block).unbind(), strict=True):
                shape = self._named[lane][slot.name].shape
                lower = shape != slot.shape  # by the rank, the first dimension
                found[lane, slot.name] = view[: shape[0]] if lower else view
        return [found[i, name] for i, named in enumerate(self._named) for name in named]

    def at(self, path: str, chosen: tuple[int, ...] | None) -> StackedLora | None:
        """The lanes' updates of a module; None where none of them has one.

        Args:
            path: of the module.
            chosen: the lanes that are in the pass, in its order; None for all.
        """
        key = path, chosen
        if key not in self._parts:
            self._parts[key] = self._stacks(path, chosen)
        return self._parts[key]

    def rows(self, name: str, chosen: tuple[int, ...] | None) -> torch.Tensor:
        """A parameter that all lanes have, of those in the pass, shape (lanes, ...)."""
        leaf = self.leaves[name]
        if chosen is None:
            return leaf
        return leaf.index_select(0, to_device(np.array(chosen), leaf.device))

    def _stacks(self, path: str, chosen: tuple[int, ...] | None) -> StackedLora | None:
        slot = next((s for s in self.slots if s.name == f"{path}.lora_A.weight"), None)
        if slot is None:
            return None
        passing = range(len(self.lanes)) if chosen is None else chosen
        numbers = tuple(n for n, lane in enumerate(passing) if lane in slot.lanes)
        if not numbers:
            return None
        a, b = (self.leaves[f"{path}.lora_{letter}.weight"] for letter in "AB")
        if chosen is not None:
            rows = to_device(np.array([slot.lanes.index(chosen[n]) for n in numbers]), a.device)
            a, b = a.index_select(0, rows), b.index_select(0, rows)
        updates = [self.lanes[passing[n]].updates[path] for n in numbers]
        everyone = len(numbers) == len(passing)
        return StackedLora(
            a=a,
            b=b,
            numbers=numbers,
            lanes=None if everyone else to_device(np.array(numbers), a.device),
            dropouts=tuple(update.dropout for update in updates),
        )

    def gradient(self) -> torch.Tensor:
        """Take away the parameters' gradients, as a block; zeros where one took no part."""
        parts = []
        for slot in self.slots:
            leaf = self.leaves[slot.name]
            rows = (leaf if leaf.grad is None else leaf.grad).flatten(1)
            if leaf.grad is None:
                rows = torch.zeros_like(rows)
                self._idle.add(slot.name)
            short = slot.each * WIDTH - rows.shape[1]
            rows = torch.nn.functional.pad(rows, (0, short)) if short else rows
            parts.append(rows.flatten())
        self.zero_grad()
        return torch.cat(parts).view(-1, WIDTH) * self._scales

    def zero_grad(self) -> None:
        """Drop the gradients, and the rows that were copied for evaluations."""
        self._parts = {key: part for key, part in self._parts.items() if key[1] is None}
        for leaf in self.leaves.values():
            leaf.grad = None

    def scatter_gradients(self) -> None:
        """Give each lane's own parameters their gradients, for an optimiser of its own."""
        gradients = iter(self.views(self.gradient()))
        for named in self._named:
            for name, own in named.items():
                gradient = next(gradients)
                own.grad = None if name in self._idle else gradient

    @cached_property
    def row_lanes(self) -> NDArray[np.int64]:
        """Of each row of the block: twice its lane, and 1 more where it decays.

        What took no part in the first step does not: no optimiser decays what has no gradient.
        """
        parts = []
        for slot in self.slots:
            decays = slot.decays and slot.name not in self._idle
            parts.append(np.repeat(2 * np.array(slot.lanes) + decays, slot.each))
        return np.concatenate(parts)


class StackedParameterSets:
    """Which stacked parameters each lane of a model is in.

    Args:
        dtype: what passes compute in.
    """

    def __init__(self, dtype: torch.dtype) -> None:
        self._dtype = dtype
        self._of: dict[Adapters, StackedParameters] = {}

    def of(self, lane: Adapters) -> StackedParameters | None:
        """Those that a lane is in; None before its first pass beside others."""
        return self._of.get(lane)

    def get(
        self, lanes: Sequence[Adapters], *, training: bool
    ) -> tuple[StackedParameters, tuple[int, ...] | None]:
        """Stacked parameters that these lanes are in, new ones if need be.

        Args:
            lanes: of a pass, in its order.
            training: whether gradients are wanted: then no other lane may be in them.

        Returns:
            The parameters, and which of their lanes are in the pass; None for all in this order.
        """
        stacked = self._of.get(lanes[0])
        if stacked is not None and all(self._of.get(lane) is stacked for lane in lanes):
            if stacked.lanes == tuple(lanes):
                return stacked, None
            if not training:
                return stacked, tuple(stacked.lanes.index(lane) for lane in lanes)
        stacked = StackedParameters(lanes, self._dtype)
        self._of.update(dict.fromkeys(lanes, stacked))
        return stacked, None

    def remove(self, lane: Adapters) -> None:
        """Take a lane out; the block is freed with its last lane."""
        self._of.pop(lane, None)
