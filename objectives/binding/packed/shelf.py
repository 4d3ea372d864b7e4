"""How the parameters of several lanes lie in one block of memory; see ``packed.rack``."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch

WIDTH = 64
"""Numbers in a row of the block: all of one lane and one parameter; the rest is zeros."""


@dataclass(frozen=True)
class Shelf:
    """Where one parameter of the lanes lies, e.g. A of one module.

    Attributes:
        name: as ``Adapters.named`` has it.
        lanes: which of the rack's lanes have it.
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


def shelves_of(named: Sequence[Mapping[str, torch.Tensor]]) -> list[Shelf]:
    """One for each parameter that any lane has.

    Args:
        named: of each lane, its parameters by name.
    """
    names = dict.fromkeys(name for own in named for name in own)
    shelves: list[Shelf] = []
    for name in names:
        lanes = tuple(i for i, own in enumerate(named) if name in own)
        shapes = [named[i][name].shape for i in lanes]
        shape = tuple(max(sizes) for sizes in zip(*shapes, strict=True))
        start = shelves[-1].stop if shelves else 0
        each = -(-math.prod(shape) // WIDTH)
        shelves.append(Shelf(name, lanes, shape, start, each, decays=len(shape) > 1))
    return shelves
