"""Linear model of main effects and interactions, and its design matrix.

A parameter's reference distribution is uniform over its choices, or over its range on the axis
(log2 where it is logarithmic). Under it every column here has mean 0 and mean square 1, and two
columns are uncorrelated, so that a squared coefficient is a variance component: a term in the
numerator of a Sobol index (Sobol' 2001, doi:10.1016/S0378-4754(00)00270-6).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, reduce

import numpy as np
from numpy.polynomial import legendre
from scipy.linalg import helmert

from sweep._typing import FloatArray
from sweep.analysis.axes import Axis


def most_columns(axis: Axis, degree: int) -> int:
    """Number of basis columns: all contrasts of unordered choices, else at most ``degree``."""
    if axis.kind == "line":
        return degree
    return axis.size - 1 if axis.kind == "unordered" else min(degree, axis.size - 1)


def columns(axis: Axis, places: FloatArray, degree: int) -> FloatArray:
    """The orthonormal columns of a parameter at given coordinates.

    Args:
        axis: the parameter.
        places: coordinates on its axis, shape ``(n,)``.
        degree: polynomial degree for numbers and ordered choices; unordered choices always get
            all their contrasts.

    Returns:
        Shape ``(n, most_columns(axis, degree))``; polynomials in order of degree.
    """
    count = most_columns(axis, degree)
    if axis.kind == "line":
        unit = 2.0 * (places - axis.low) / (axis.high - axis.low) - 1.0
        scale = np.sqrt(2.0 * np.arange(1, count + 1) + 1.0)
        polynomials: FloatArray = legendre.legvander(unit, count)[:, 1:] * scale
        return polynomials
    unordered = axis.kind == "unordered"  # has Helmert contrasts, of mean square 1
    table = helmert(axis.size).T * math.sqrt(axis.size) if unordered else _polynomials(axis.size)
    chosen: FloatArray = table[places.astype(np.intp), :count]
    return chosen


def row_products(left: FloatArray, right: FloatArray) -> FloatArray:
    """All products of a column of each in every row, shape ``(n, k * l)``."""
    return (left[:, :, None] * right[:, None, :]).reshape(len(left), -1)


def _polynomials(size: int) -> FloatArray:
    """Discrete orthonormal polynomials on 0..size-1 by degree, shape ``(size, size - 1)``."""
    unit = np.linspace(-1.0, 1.0, size)
    q, r = np.linalg.qr(legendre.legvander(unit, size - 1))
    return (q * np.sign(np.diag(r)))[:, 1:] * math.sqrt(size)


@dataclass(frozen=True)
class Block:
    """One term of the model: a main effect, or an interaction of two or three parameters.

    Attributes:
        members: indices of one to three axes, ascending.
        degrees: polynomial degree for each of them.
    """

    members: tuple[int, ...]
    degrees: tuple[int, ...]

    def shape(self, axes: Sequence[Axis]) -> tuple[int, ...]:
        """Number of basis columns of each member."""
        pairs = zip(self.members, self.degrees, strict=True)
        return tuple(most_columns(axes[member], degree) for member, degree in pairs)


@dataclass(frozen=True)
class Model:
    """A linear model: an intercept and a sum of blocks, at most one per set of members."""

    axes: tuple[Axis, ...]
    blocks: tuple[Block, ...]

    @cached_property
    def spans(self) -> dict[tuple[int, ...], slice]:
        """Members of each block to the slice of its columns in ``matrix``."""
        spans, start = {}, 0
        for block in self.blocks:
            stop = start + math.prod(block.shape(self.axes))
            spans[block.members] = slice(start, stop)
            start = stop
        return spans

    @property
    def size(self) -> int:
        """Number of columns without the intercept."""
        return sum(math.prod(block.shape(self.axes)) for block in self.blocks)

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
        """Design matrix without the intercept, shape ``(n, size)``, at coordinates on each axis."""
        if not self.blocks:
            return np.empty((len(places[0]), 0))
        return np.concatenate([self._columns(block, places) for block in self.blocks], axis=1)

    def _columns(self, block: Block, places: Sequence[FloatArray]) -> FloatArray:
        parts = [
            columns(self.axes[member], places[member], degree)
            for member, degree in zip(block.members, block.degrees, strict=True)
        ]
        return reduce(row_products, parts)
