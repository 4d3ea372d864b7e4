"""Which effects a model has, and the columns that stand for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from sweep.analysis.axes import Axis
from sweep.analysis.effects.basis import columns, most_columns

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Block:
    """A main effect, or an interaction of two parameters.

    Attributes:
        members: indices of one or two axes, rising.
        degrees: of each member's polynomials.
    """

    members: tuple[int, ...]
    degrees: tuple[int, ...]


@dataclass(frozen=True)
class Model:
    """The sum of some blocks and a constant.

    Attributes:
        axes: the parameters.
        blocks: the effects, each set of members once.
    """

    axes: tuple[Axis, ...]
    blocks: tuple[Block, ...]

    @cached_property
    def spans(self) -> dict[tuple[int, ...], slice]:
        """Members of each block to its columns in ``matrix``."""
        spans, start = {}, 0
        for block in self.blocks:
            stop = start + self._size(block)
            spans[block.members] = slice(start, stop)
            start = stop
        return spans

    @property
    def size(self) -> int:
        """Columns without the constant."""
        return sum(map(self._size, self.blocks))

    def degree(self, members: tuple[int, ...]) -> tuple[int, ...]:
        """The degrees of a block; zeros if the model has none of these members."""
        for block in self.blocks:
            if block.members == members:
                return block.degrees
        return (0,) * len(members)

    def with_block(self, block: Block) -> Model:
        """The model with a block in place of the one with the same members, or beside all."""
        kept = tuple(b for b in self.blocks if b.members != block.members)
        return Model(self.axes, (*kept, block))

    def matrix(self, places: Sequence[FloatArray]) -> FloatArray:
        """The columns, without the constant, at some places.

        Args:
            places: of each axis, shape ``(n,)``.

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
