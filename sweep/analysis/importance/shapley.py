"""Shapley effects of a forest: shares of its variance, with interactions divided among members.

Why not shapiq: it explains single predictions, not the variance over the search space.

Source: Owen 2014, doi:10.1137/130936233; for sampled permutations Song, Nelson and Staum 2016,
doi:10.1137/15M1048070.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from sweep._typing import FloatArray
from sweep.analysis.axes import LINE_POINTS, Axis
from sweep.analysis.importance.fanova import features, grow, is_constant, predict

Subset = frozenset[int]

EXACT = 8
"""Largest number of parameters for which all subsets are evaluated; else orders are sampled."""

CUBE = 2**10
"""Largest full grid, in points per tree of the forest; numeric axes get at most 64 points, fewer if
needed to fit."""

FEWEST_PLACES = 6
"""Smallest number of grid points of a numeric axis for a full grid."""

PERMUTATIONS = 32
"""Sampled orders of the parameters; each is also used reversed (antithetic sampling)."""

POINTS = 256
"""Pairs of points per variance estimate of a sampled order."""


def shapley_shares(axes: Sequence[Axis], y: FloatArray, *, n_trees: int, seed: int) -> FloatArray:
    """Shapley effect of each parameter as a share of a forest's variance.

    The reference is that of ``forest_shares``: parameters independent, each uniform over its
    choices or its range. The shares sum to 1.

    Args:
        axes: d parameters, each with the trials' coordinates, shape ``(n,)``.
        y: the objective, shape ``(n,)``.
        n_trees: trees in the forest.
        seed: seed of the forest, and of the sampled orders if there are any.

    Returns:
        Shape ``(d,)``; NaN when the forest is constant.
    """
    trees = grow(axes, y, n_trees=n_trees, seed=seed)
    places = _places(axes, CUBE * n_trees)
    if places is None:
        effects = _sampled(trees, axes, np.random.default_rng([seed, 2]))
    else:
        grid = np.indices([len(each) for each in places]).reshape(len(axes), -1)
        at = [each[index] for each, index in zip(places, grid, strict=True)]
        cube = predict(trees, features(axes, at)).reshape([len(each) for each in places])
        effects = shapley(len(axes), lambda subset: _explained(cube, subset))
    total = float(effects.sum())
    if is_constant(total, y):
        return np.full(len(axes), np.nan)
    kept = effects.clip(0.0)
    shares: FloatArray = kept / kept.sum()
    return shares


def shapley(d: int, worth: Callable[[Subset], float]) -> FloatArray:
    """Shapley values of ``d`` players, from the worth of each of the 2^d coalitions.

    Source: Shapley 1953, doi:10.1515/9781400881970-018.

    Returns:
        Shape ``(d,)``, summing to the worth of all players less that of the empty coalition.
    """
    worths = {
        subset: worth(subset)
        for size in range(d + 1)
        for subset in map(frozenset, itertools.combinations(range(d), size))
    }
    values = np.zeros(d)
    for subset, before in worths.items():
        weight = 1.0 / (d * math.comb(d - 1, len(subset))) if len(subset) < d else 0.0
        for player in set(range(d)) - subset:
            values[player] += weight * (worths[subset | {player}] - before)
    return values


def _places(axes: Sequence[Axis], most: int) -> list[FloatArray] | None:
    """Grid coordinates of each axis with at most ``most`` combinations; None if not possible."""
    if len(axes) > EXACT:
        return None
    lines = sum(axis.kind == "line" for axis in axes)
    choices = math.prod(len(axis.reference()) for axis in axes if axis.kind != "line")
    each = int((most / choices) ** (1 / lines)) if lines else 0
    if choices > most or (lines and each < FEWEST_PLACES):
        return None
    return [axis.reference(min(each, LINE_POINTS)) for axis in axes]


def _explained(cube: FloatArray, subset: Subset) -> float:
    """Variance of the mean prediction given the coordinates of a subset of axes."""
    rest = tuple(axis for axis in range(cube.ndim) if axis not in subset)
    return float(cube.mean(axis=rest).var())


def _sampled(trees: Sequence[Any], axes: Sequence[Axis], rng: np.random.Generator) -> FloatArray:
    """Shapley effects by sampled orders, with variances by the pick-freeze method."""
    # For two random points that agree in a subset of parameters and are independent in the others,
    # the covariance of the predictions is the variance explained by the subset.
    effects = np.zeros(len(axes))
    for _ in range(PERMUTATIONS):
        order = rng.permutation(len(axes))
        for way in (order, order[::-1]):
            one, two = ([rng.choice(a.reference(), size=POINTS) for a in axes] for _ in range(2))
            stages = [list(two)]
            for player in way:
                stages.append(list(stages[-1]))
                stages[-1][player] = one[player]
            stacked = [np.concatenate(column) for column in zip(*stages, strict=True)]
            found = predict(trees, features(axes, stacked)).reshape(len(stages), POINTS)
            covariances = (
                (found - found.mean(axis=1, keepdims=True)) * (found[-1] - found[-1].mean())
            ).mean(axis=1)
            effects[way] += np.diff(covariances)
    mean: FloatArray = effects / (2 * PERMUTATIONS)
    return mean
