"""Linear model of main effects and interactions, and its design matrix."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from sweep._typing import FloatArray
from sweep.analysis.axes import Axis
from sweep.analysis.effects.basis import columns, most_columns


@dataclass(frozen=True)
class Block:
    """One term of the model: a main effect, or an interaction of two parameters.

    Attributes:
        members: indices of one or two axes, ascending.
        degrees: polynomial degree for each of them.
    """

    members: tuple[int, ...]
    degrees: tuple[int, ...]


@dataclass(frozen=True)
class Model:
    """A linear model: an intercept and a sum of blocks.

    Attributes:
        axes: the parameters.
        blocks: the effects, at most one per set of members.
    """

    axes: tuple[Axis, ...]
    blocks: tuple[Block, ...]

    @cached_property
    def spans(self) -> dict[tuple[int, ...], slice]:
        """Members of each block to the slice of its columns in ``matrix``."""
        spans, start = {}, 0
        for block in self.blocks:
            stop = start + self._size(block)
            spans[block.members] = slice(start, stop)
            start = stop
        return spans

    @property
    def size(self) -> int:
        """Number of columns without the intercept."""
        return sum(map(self._size, self.blocks))

    def degree(self, members: tuple[int, ...]) -> tuple[int, ...]:
        """Degrees of the block with these members; zeros if there is none."""
        for block in self.blocks:
            if block.members == members:
                return block.degrees
        return (0,) * len(members)

    def with_block(self, block: Block) -> Model:
        """The model with a block added, replacing any block with the same members."""
        kept = tuple(b for b in self.blocks if b.members != block.members)
        return Model(self.axes, (*kept, block))

    def matrix(self, places: Sequence[FloatArray]) -> FloatArray:
        """Design matrix, without the intercept, at given coordinates.

        Args:
            places: coordinates on each axis, each of shape ``(n,)``.

        Returns:
            Shape ``(n, size)``.
        """
        if not self.blocks:
            return np.empty((len(places[0]), 0))
        return np.concatenate([self._columns(block, places) for block in self.blocks], axis=1)

    def _columns(self, block: Block, places: Sequence[FloatArray]) -> FloatArray:
        parts = [
            columns(self.axes[member], places[member], degree)
            for member, degree in zip(block.members, block.degrees, strict=True)
        ]
        if len(parts) == 1:
            return parts[0]
        return (parts[0][:, :, None] * parts[1][:, None, :]).reshape(len(parts[0]), -1)

    def _size(self, block: Block) -> int:
        sizes = [
            most_columns(self.axes[member], degree)
            for member, degree in zip(block.members, block.degrees, strict=True)
        ]
        return int(np.prod(sizes))
