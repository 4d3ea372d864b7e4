"""Trained parameters of all lanes of a pass, stacked in one block of memory, for GPUs.

A GPU step is limited by kernel launches. With separate tensors a step launches kernels for every
parameter of every lane; with stacked ones the number of launches does not depend on the number
of lanes. Each lane's parameters are views of its rows in the block. Passes multiply by a second
block, computed from the first in one kernel: scaled and in the compute dtype.
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

WIDTH = 64  # numbers per row of the block, which holds part of one parameter of one lane


@dataclass(frozen=True)
class ParameterSlot:
    """The rows of the block that hold one parameter of all lanes, e.g. A of one module."""

    name: str  # as in ``Adapters.named``
    lanes: tuple[int, ...]  # indices of the lanes that have the parameter
    shape: tuple[int, ...]  # the largest shape among the lanes; lower ranks are padded with zeros
    start: int  # index of the first row
    each: int  # number of rows per lane
    decays: bool  # whether weight decay applies to it

    @property
    def stop(self) -> int:
        """Index after the last row."""
        return self.start + self.each * len(self.lanes)

    def view(self, block: torch.Tensor) -> torch.Tensor:
        """A view of the parameter in a block, shape (lanes, *shape)."""
        rows = block[self.start : self.stop].view(len(self.lanes), self.each * WIDTH)
        return rows[:, : math.prod(self.shape)].unflatten(1, self.shape)


def _slots_of(named: Sequence[Mapping[str, torch.Tensor]]) -> list[ParameterSlot]:
    """Allocate consecutive rows of a block to each parameter that any lane has."""
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
    """An optimiser of a whole block of parameters."""

    def step(self, gradient: torch.Tensor) -> None:
        """Update every lane, given the block's gradient."""


class StackedParameters:
    """The parameters of lanes that train together, stacked in one block.

    A lane is in one block at a time: training with other lanes moves it to a new one.

    Args:
        lanes: of one model; their parameters become views of the new block.
        dtype: compute dtype of passes.

    Attributes:
        lanes: in their order in the pass.
        slots: in their order in the block.
        block: all parameters, shape (rows, ``WIDTH``), in float32.
        leaves: by slot name, the scaled parameters in the compute dtype that passes multiply
            by; they are the autograd leaves.
        optimizer: of the block; None before the first step.
    """

    def __init__(self, lanes: Sequence[Adapters], dtype: torch.dtype) -> None:
        self.lanes = tuple(lanes)
        self.optimizer: BlockOptimizer | None = None
        self._named = [lane.named() for lane in lanes]
        self.slots = _slots_of(self._named)
        first = next(iter(self._named[0].values()))
        self.block = first.new_zeros(self.slots[-1].stop, WIDTH, requires_grad=False)
        own = self.views(self.block)
        mine: list[torch.Tensor] = [p for named in self._named for p in named.values()]
        with torch.no_grad():
            torch._foreach_copy_(own, mine)  # one kernel launch; there is no public function
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
        """The factor of each row in a pass, shape (rows, 1): LoRA's scale for B, else 1."""
        scales = np.ones((self.slots[-1].stop, 1), dtype=np.float32)
        for slot in self.slots:
            path, adapts, _ = slot.name.partition(".lora_B.")
            for place, lane in enumerate(slot.lanes if adapts else ()):
                start = slot.start + place * slot.each
                scales[start : start + slot.each] = self.lanes[lane].updates[path].scale
        return scales

    @torch.no_grad()
    def refresh(self) -> None:
        """Recompute the scaled copy that passes multiply by from the current parameters."""
        torch.mul(self.block, self._scales, out=self._shown)

    def views(self, block: torch.Tensor) -> list[torch.Tensor]:
        """Views of every parameter in a block of the same layout, such as gradients or moments.

        Args:
            block: shape (rows, ``WIDTH``).

        Returns:
            Views of the parameters' shapes, lane after lane, in the order of ``Adapters.named``.
        """
        found: dict[tuple[int, str], torch.Tensor] = {}
        for slot in self.slots:
            for lane, view in zip(slot.lanes, slot.view(block).unbind(), strict=True):
                shape = self._named[lane][slot.name].shape
                lower = shape != slot.shape  # only the rank differs, the first dimension
                found[lane, slot.name] = view[: shape[0]] if lower else view
        return [found[i, name] for i, named in enumerate(self._named) for name in named]

    def at(self, path: str, chosen: tuple[int, ...] | None) -> StackedLora | None:
        """The lanes' low-rank updates of a module; None if no lane in the pass has one.

        Args:
            path: of the module.
            chosen: indices of the lanes in the pass, in its order; None for all.
        """
        key = path, chosen
        if key not in self._parts:
            self._parts[key] = self._stacks(path, chosen)
        return self._parts[key]

    def rows(self, name: str, chosen: tuple[int, ...] | None) -> torch.Tensor:
        """A parameter that all lanes have, for the lanes in the pass, shape (lanes, ...)."""
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
        """The gradients as a block, zeros for unused parameters; clears them in the leaves."""
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
        """Drop the gradients, and the copies of selected lanes made for evaluations."""
        self._parts = {key: part for key, part in self._parts.items() if key[1] is None}
        for leaf in self.leaves.values():
            leaf.grad = None

    def scatter_gradients(self) -> None:
        """Set ``grad`` of each lane's own parameters, for a separate optimiser per lane."""
        gradients = iter(self.views(self.gradient()))
        for named in self._named:
            for name, own in named.items():
                gradient = next(gradients)
                own.grad = None if name in self._idle else gradient

    @cached_property
    def row_lanes(self) -> NDArray[np.int64]:
        """Per row of the block: 2 * lane, plus 1 if weight decay applies; shape (rows,).

        Parameters without a gradient in the first step do not decay, as in PyTorch's optimisers.
        """
        parts = []
        for slot in self.slots:
            decays = slot.decays and slot.name not in self._idle
            parts.append(np.repeat(2 * np.array(slot.lanes) + decays, slot.each))
        return np.concatenate(parts)


class StackedParameterSets:
    """The ``StackedParameters`` that each lane of a model is in.

    Args:
        dtype: compute dtype of passes.
    """

    def __init__(self, dtype: torch.dtype) -> None:
        self._dtype = dtype
        self._of: dict[Adapters, StackedParameters] = {}

    def of(self, lane: Adapters) -> StackedParameters | None:
        """The stacked parameters that a lane is in; None before its first batched pass."""
        return self._of.get(lane)

    def get(
        self, lanes: Sequence[Adapters], *, training: bool
    ) -> tuple[StackedParameters, tuple[int, ...] | None]:
        """Stacked parameters that hold all lanes of a pass; created if there are none.

        Args:
            lanes: of a pass, in its order.
            training: whether gradients are needed: then they hold no other lanes.

        Returns:
            The parameters, and the indices of their lanes in the pass; None for all, in order.
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
        """Remove a lane; the block is freed with its last lane."""
        self._of.pop(lane, None)
