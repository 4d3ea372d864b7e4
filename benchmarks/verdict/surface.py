"""Simulated objectives without noise, and the effect of each parameter.

A surface maps four numbers to the objective: the target set's index, log2 rank, log2 scaling, and
the learning rate's position on its log axis from -1 to 1. Shapes have mean 0 and mean square 1 over
a parameter's range, so that the number before a shape is the standard deviation it causes.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sweep._typing import FloatArray

Surface = Callable[[FloatArray, FloatArray, FloatArray, FloatArray], FloatArray]

SETS = ("qv", "qkv", "qkvo", "mlp", "all")
PARAMETERS_PER_RANK = 320 * np.array([4, 6, 8, 10, 18])
RANKS = (2, 4, 8, 16, 32)
SCALINGS = (0.5, 1.0, 2.0, 4.0, 8.0)
RATES = (1e-4, 1e-2)
AXES = ("targets", "rank", "scaling", "learning_rate")

_GAIN = np.array([-1.35, -0.85, -0.10, 1.00, 1.30])
"""Effect of each target set; not linear in the logarithm of its size (2, 2.6, 3, 3.3, 4.2)."""


def standard(levels: npt.ArrayLike) -> FloatArray:
    """Levels with mean 0 and mean square 1."""
    centred = np.asarray(levels, dtype=np.float64)
    centred = centred - centred.mean()
    scaled: FloatArray = centred / math.sqrt(float(np.mean(centred**2)))
    return scaled


def of_sets(t: FloatArray) -> FloatArray:
    """The target set's shape."""
    return standard(_GAIN)[t.astype(np.intp)]


def of_five(octaves: FloatArray, first: float) -> FloatArray:
    """A straight line over five octaves that begin at ``first``."""
    return (octaves - first - 2.0) / math.sqrt(2.0)


def of_rank(r: FloatArray) -> FloatArray:
    """A straight line in log2 rank, over ranks 2 to 32."""
    return of_five(r, 1.0)


def of_scaling(s: FloatArray) -> FloatArray:
    """A straight line in log2 scaling."""
    return of_five(s, -1.0)


def of_rate(u: FloatArray) -> FloatArray:
    """A learning rate's shape: best somewhat above the middle, worst at the low end."""
    return 0.6 * math.sqrt(3.0) * u - 0.8 * math.sqrt(5.0) * (3.0 * u**2 - 1.0) / 2.0


def additive(
    targets: float = 0.0, rate: float = 0.0, rank: float = 0.0, scaling: float = 0.0
) -> Surface:
    """Main effects of these standard deviations."""

    def surface(t: FloatArray, r: FloatArray, s: FloatArray, u: FloatArray) -> FloatArray:
        alone = targets * of_sets(t) + rate * of_rate(u)
        return alone + rank * of_rank(r) + scaling * of_scaling(s)

    return surface


def plus(*surfaces: Surface) -> Surface:
    """The sum of surfaces."""

    def surface(t: FloatArray, r: FloatArray, s: FloatArray, u: FloatArray) -> FloatArray:
        total: FloatArray = np.sum([each(t, r, s, u) for each in surfaces], axis=0)
        return total

    return surface


def adapter_size(slope: float) -> Surface:
    """Only the number of trainable parameters matters: ``slope`` for each doubling."""

    def surface(t: FloatArray, r: FloatArray, _s: FloatArray, _u: FloatArray) -> FloatArray:
        sizes = np.log2(PARAMETERS_PER_RANK)
        doublings: FloatArray = sizes[t.astype(np.intp)] - sizes.mean() + r - 3.0
        return slope * doublings

    return surface


def step_size(total: float) -> Surface:
    """Only the learning rate times alpha matters, where alpha is scaling times rank."""

    def surface(_t: FloatArray, r: FloatArray, s: FloatArray, u: FloatArray) -> FloatArray:
        alpha = (of_rank(r) + of_scaling(s)) / math.sqrt(2.0)
        return total * math.sqrt(3.0) * u * alpha

    return surface


def rank_where_attention(total: float) -> Surface:
    """Rank matters for attention-only target sets, and not where the MLP is adapted too."""

    def surface(t: FloatArray, r: FloatArray, _s: FloatArray, _u: FloatArray) -> FloatArray:
        return total / math.sqrt(0.6) * (t < 3) * of_rank(r)

    return surface


_BY_SET = standard([1.0, -1.0, 1.0, -1.0, 0.0])
"""A sign that changes from set to set: what it multiplies cancels in the average over sets."""


def rank_curve_by_set(total: float) -> Surface:
    """A quadratic in log2 rank that is a valley for some sets and a hill for others."""
    curve = standard(np.square(np.arange(5) - 2.0))

    def surface(t: FloatArray, r: FloatArray, _s: FloatArray, _u: FloatArray) -> FloatArray:
        return total * _BY_SET[t.astype(np.intp)] * curve[np.round(r).astype(np.intp) - 1]

    return surface


def three_way(total: float) -> Surface:
    """Rank counts in a direction that depends on both the set and the scaling."""

    def surface(t: FloatArray, r: FloatArray, s: FloatArray, _u: FloatArray) -> FloatArray:
        return total * _BY_SET[t.astype(np.intp)] * of_rank(r) * of_scaling(s)

    return surface


def saturating(span: float) -> Surface:
    """A step from the lowest rank that flattens out, ``span`` from end to end."""
    ends = 1.0 - 2.0 ** (-np.array([RANKS[0], RANKS[-1]]) / 2.0)

    def surface(_t: FloatArray, r: FloatArray, _s: FloatArray, _u: FloatArray) -> FloatArray:
        way: FloatArray = (1.0 - 2.0 ** (-(2.0**r) / 2.0) - ends[0]) / (ends[1] - ends[0])
        return span * way

    return surface


def own_best_rate(drop: float, spread: float) -> Surface:
    """All target sets have the same maximum at different learning rates; larger sets at lower ones.

    Args:
        drop: what the end of the range costs a set whose best rate is in the middle.
        spread: how far from the middle the best rates of the first and the last set are.
    """

    def surface(t: FloatArray, _r: FloatArray, _s: FloatArray, u: FloatArray) -> FloatArray:
        return -drop * (u - spread * (1.0 - t / 2.0)) ** 2

    return surface


@dataclass(frozen=True)
class Truth:
    """The standard deviations a surface causes under the uniform reference.

    Attributes:
        main: of each parameter's main effect.
        total: of all that contains the parameter, and of the group ``rank+scaling``.
    """

    main: dict[str, float]
    total: dict[str, float]


def truth(surface: Surface, ranks: tuple[int, ...], fixed_rate: float | None = None) -> Truth:
    """Enumerate the choices; on the learning rate, Gauss-Legendre on each third of its range."""
    nodes, weights = np.polynomial.legendre.leggauss(8)
    places = np.concatenate([(nodes + 2.0 * third) / 3.0 for third in (-1, 0, 1)])
    weights = np.tile(weights / 6.0, 3)
    if fixed_rate is not None:
        places, weights = np.array([fixed_rate]), np.ones(1)
    grid = (np.arange(len(SETS)) * 1.0, np.log2(ranks), np.log2(SCALINGS), places)
    values = surface(*np.meshgrid(*grid, indexing="ij"))
    share = np.broadcast_to(weights, values.shape) / (values.size / len(weights))
    axes = AXES if fixed_rate is None else AXES[:3]
    groups = [(name,) for name in axes] + [("rank", "scaling")]
    whole = _explained(values, share, AXES)
    total = {
        "+".join(group): whole - _explained(values, share, [a for a in AXES if a not in group])
        for group in groups
    }
    return Truth(
        {name: _root(_explained(values, share, [name]), whole) for name in axes},
        {name: _root(variance, whole) for name, variance in total.items()},
    )


def _explained(values: FloatArray, share: FloatArray, names: object) -> float:
    """The variance of the conditional mean given these parameters."""
    others = tuple(i for i, name in enumerate(AXES) if name not in names)  # type: ignore[operator]
    weight = share.sum(axis=others)
    mean = (values * share).sum(axis=others) / weight
    middle = float((values * share).sum())
    return float((weight * (mean - middle) ** 2).sum())


def _root(variance: float, whole: float) -> float:
    """The square root, with differences due to rounding set to 0."""
    return math.sqrt(variance) if variance > 1e-12 * whole else 0.0
