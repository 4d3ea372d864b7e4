"""Parameters as factors of a design: levels and model columns."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.stats import qmc

from sweep._typing import FloatArray, IndexArray
from sweep.analysis.axes import Axis, sampled_axes
from sweep.analysis.effects.model import columns
from sweep.analysis.table import Row, TrialTable
from sweep.study.parameters import Choice, Int, Param, TargetSets
from sweep.study.space import Space
from sweep.study.trial import Scalar

MOST_LEVELS = 12
"""Integers with at most this many values are levels with equal counts, with more a range."""

DEGREE = 2
"""Polynomial degree of each parameter in the model that the design is optimised for."""

FULL_DEGREE = 4
"""Polynomial degree up to which columns are made orthogonal, whatever the model."""


@dataclass(frozen=True, eq=False)
class Factor:
    """One parameter of a design.

    Attributes:
        values: its levels; for a range, the candidate values of the design.
        columns: main-effect columns at each value, shape ``(len(values), k)``, by degree.
        degree: number of columns that the analysis fits.
        kind: ``unordered`` or ``ordered`` levels, or a ``range``.
        strata: for a range, the index of one value per stratum, shape ``(configurations,)``.
    """

    name: str
    values: tuple[Scalar, ...]
    columns: FloatArray
    degree: int
    kind: Literal["unordered", "ordered", "range"]
    strata: IndexArray | None = None

    def spread(self, n: int, rng: np.random.Generator) -> IndexArray:
        """Random indices, shape ``(n,)``: counts differ by at most 1; of a range, ``n`` strata."""
        if self.strata is not None:
            return rng.permutation(self.strata)[:n]
        levels = len(self.values)
        odd = rng.permutation(levels)[: n % levels]
        every = np.concatenate([np.tile(np.arange(levels), n // levels), odd])
        return rng.permutation(every)

    @property
    def crossed(self) -> FloatArray:
        """Columns that enter products: all contrasts of unordered levels, else the linear one."""
        return self.columns if self.kind == "unordered" else self.columns[:, :1]


def is_discrete(param: Param) -> bool:
    """Whether a design treats a parameter as levels with equal counts, not as a range."""
    if isinstance(param, (Choice, TargetSets)):
        return True
    grid = param.grid()
    return grid is not None and len(grid) <= (MOST_LEVELS if isinstance(param, Int) else 1)


def factors_of(space: Space, n: int, rng: np.random.Generator) -> list[Factor]:
    """The factors of a design of ``n`` configurations, in the space's order."""
    return [_factor(name, space[name], n, rng) for name in space]


def _factor(name: str, param: Param, n: int, rng: np.random.Generator) -> Factor:
    if is_discrete(param):
        return _discrete(name, param)
    axis = _axis(name, param, [param.decode(0.0)])
    places = axis.low + qmc.LatinHypercube(1, rng=rng).random(n)[:, 0] * (axis.high - axis.low)
    drawn = [param.decode(float(place)) for place in places]
    values = tuple(param.grid() or sorted(set(drawn), key=float))
    strata = np.array([values.index(value) for value in drawn], dtype=np.intp)
    return Factor(name, values, *_range_columns(name, param, values), "range", strata)


def _range_columns(name: str, param: Param, values: Sequence[Scalar]) -> tuple[FloatArray, int]:
    axis = _axis(name, param, values)
    return columns(axis, axis.places, FULL_DEGREE), DEGREE


def _discrete(name: str, param: Param) -> Factor:
    values = tuple(param.grid() or ())
    axis = _axis(name, param, values)
    most = len(values) - 1
    made = columns(axis, axis.places, min(FULL_DEGREE, most))[:, :most]
    if axis.kind == "unordered":
        return Factor(name, values, made, most, "unordered")
    return Factor(name, values, made, min(DEGREE, most), "ordered")


def _axis(name: str, param: Param, values: Sequence[Scalar]) -> Axis:
    """The parameter's axis as in the analysis, with the coordinates of the given values."""
    rows = [Row(number, {name: value}, 0.0) for number, value in enumerate(values)]
    return sampled_axes(TrialTable.from_rows(rows, space=Space({name: param})))[0]


def model(
    factors: Sequence[Factor], levels: IndexArray, *, products: bool, full: bool = False
) -> FloatArray:
    """Design matrix of all main effects, and of the products of two parameters if asked for.

    Args:
        factors: the d factors.
        levels: indices into each factor's values, shape ``(n, d)``.
        products: whether to include products.
        full: include main effects of all degrees, not only of those that the analysis fits.

    Returns:
        Shape ``(n, p)``, the constant column first.
    """
    n = len(levels)
    main = [factor.columns[levels[:, at]] for at, factor in enumerate(factors)]
    blocks = [np.ones((n, 1))]
    blocks += [
        m if full else m[:, : factor.degree] for m, factor in zip(main, factors, strict=True)
    ]
    if products:
        crossed = [factor.crossed[levels[:, at]] for at, factor in enumerate(factors)]
        blocks += [
            (a[:, :, None] * b[:, None, :]).reshape(n, -1)
            for a, b in itertools.combinations(crossed, 2)
        ]
    return np.hstack(blocks)


def affords_products(factors: Sequence[Factor], n: int) -> bool:
    """Whether ``n`` configurations exceed the number of columns of the model with products."""
    one = np.zeros((1, len(factors)), dtype=np.intp)
    return bool(model(factors, one, products=True).shape[1] < n)


def observed(
    space: Space, configurations: Sequence[Mapping[str, Scalar]]
) -> tuple[list[Factor], IndexArray]:
    """The d factors of given configurations, and indices into their values, shape ``(n, d)``."""
    factors, places = [], []
    for name in space:
        values = [configuration[name] for configuration in configurations]
        if is_discrete(space[name]):
            factor = _discrete(name, space[name])
        else:
            distinct = tuple(sorted(set(values), key=float))
            made = _range_columns(name, space[name], distinct)
            factor = Factor(name, distinct, *made, "range")
        factors.append(factor)
        places.append([factor.values.index(value) for value in values])
    return factors, np.array(places, dtype=np.intp).T
