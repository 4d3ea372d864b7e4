"""fANOVA of a random forest: variance shares of parameters and groups of parameters.

Source: Hutter, Hoos and Leyton-Brown 2014, https://proceedings.mlr.press/v32/hutter14.html.

Differences from ``optuna.importance.FanovaImportanceEvaluator`` (for a forest of a single tree
both agree, as a test checks):

- Optuna decomposes each tree and averages the shares. Disagreement between trees is mostly
  noise, but counts as interaction, so that the share of a strong parameter is underestimated.
  Here the forest's prediction, the mean of its trees, is decomposed.
- Optuna averages over all combinations of a categorical parameter's one-hot columns: for six
  target sets 2**6 combinations of which 6 exist, and the time doubles with each further set.
  Here only existing choices count.
- Optuna has no groups of parameters.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.stats import qmc

from sweep._typing import FloatArray
from sweep.analysis.axes import Axis

REFERENCE_BITS = 12
"""Spaces of up to 2**12 points are enumerated; larger ones are sampled with 2**12 points."""


def forest_shares(
    axes: Sequence[Axis], y: FloatArray, groups: Sequence[Sequence[int]], *, n_trees: int, seed: int
) -> FloatArray:
    """Share of a forest's variance explained by each group of parameters alone.

    A group's share is ``Var(E[f | group]) / Var(f)``: the main effects of its members and the
    interactions among them. The reference is the whole search space, parameters independent,
    each uniform over its choices or its range.

    Args:
        axes: the parameters, each with the trials' coordinates, shape ``(n,)``.
        y: the objective, shape ``(n,)``.
        groups: indices into ``axes``; a group of one is a main effect.
        n_trees: trees in the forest.
        seed: seed of the forest.

    Returns:
        Shares in [0, 1], shape ``(len(groups),)``; NaN when the forest is constant.
    """
    trees = grow(axes, y, n_trees=n_trees, seed=seed)
    variance = float(predict(trees, _reference(axes)).var())
    if is_constant(variance, y):
        return np.full(len(groups), np.nan)
    holds, value = _leaves(trees, axes)
    extents = np.array([held.mean(axis=1) for held in holds])
    shares = []
    for group in groups:
        rest = np.delete(extents, list(group), axis=0).prod(axis=0)
        effect = _effect(value * rest / n_trees, [holds[index] for index in group])
        shares.append(effect.var() / variance)
    return np.array(shares).clip(0.0, 1.0)


def grow(axes: Sequence[Axis], y: FloatArray, *, n_trees: int, seed: int) -> list[Any]:
    """Fit a random forest and return its trees, each fitted to a bootstrap sample of the trials.

    Same trees as ``RandomForestRegressor(max_depth=64, random_state=seed)`` (a test compares
    them), without its copying and dispatching, which take half of its time on 160 trials and
    matter because hundreds of forests are fitted.

    Source: Breiman 2001, doi:10.1023/A:1010933404324.

    Args:
        axes: the parameters, each with the trials' coordinates, shape ``(n,)``.
        y: the objective, shape ``(n,)``.
        n_trees: trees in the forest.
        seed: seed of the forest.

    Returns:
        Trees of type ``sklearn.tree._tree.Tree``.
    """
    from sklearn import config_context  # slow to import: only when used
    from sklearn.tree import DecisionTreeRegressor

    points = np.ascontiguousarray(features(axes), dtype=np.float32)
    n = len(y)
    trees = []
    seeds = np.random.RandomState(seed)
    # The inputs are built here, so skip their validation, which takes a tenth of the time.
    with config_context(assume_finite=True, skip_parameter_validation=True):
        for tree_seed in [seeds.randint(np.iinfo(np.int32).max) for _ in range(n_trees)]:
            drawn = np.random.RandomState(tree_seed).randint(0, n, n, dtype=np.int32)
            weight = np.bincount(drawn, minlength=n).astype(np.float64)
            tree = DecisionTreeRegressor(max_depth=64, random_state=tree_seed)
            trees.append(tree.fit(points, y, sample_weight=weight, check_input=False).tree_)
    return trees


def features(axes: Sequence[Axis], at: Sequence[FloatArray] | None = None) -> FloatArray:
    """Features of a forest at given coordinates of each axis, or the trials' own, ``(n, p)``."""
    places = [axis.places for axis in axes] if at is None else at
    columns = [axis.columns(each) for axis, each in zip(axes, places, strict=True)]
    return np.concatenate(columns, axis=1)


def predict(trees: Sequence[Any], points: FloatArray) -> FloatArray:
    """Mean prediction of the trees, shape ``(n,)``; three times as fast as ``forest.predict``."""
    points = np.ascontiguousarray(points, dtype=np.float32)
    mean: FloatArray = np.mean([tree.predict(points)[:, 0] for tree in trees], axis=0)
    return mean


def is_constant(variance: float, y: FloatArray) -> bool:
    """Whether a variance is zero up to rounding."""
    return variance <= float(np.finfo(np.float64).eps * np.square(y).max())


def _reference(axes: Sequence[Axis]) -> FloatArray:
    """Features of all configurations of the space, or of a Sobol sample if there are too many."""
    sizes = [len(axis.reference()) for axis in axes]
    if math.prod(sizes) <= 2**REFERENCE_BITS:
        picked = np.stack([grid.ravel() for grid in np.indices(sizes)], axis=1)
    else:
        unit = qmc.Sobol(len(sizes), seed=0).random_base2(REFERENCE_BITS)
        picked = np.floor(unit * sizes).astype(np.intp)
    grids = (axis.reference() for axis in axes)
    return features(axes, [grid[at] for grid, at in zip(grids, picked.T, strict=True)])


def _effect(weight: FloatArray, holds: Sequence[FloatArray]) -> FloatArray:
    """Mean prediction at each combination of the group's coordinates."""
    # weight, (L,): each leaf's prediction times the fraction of the other axes that it covers.
    # holds, (L, size): which coordinates of a member a leaf contains.
    *first, last = holds
    spread = weight[:, None]
    for held in first:
        spread = (spread[:, :, None] * held[:, None, :]).reshape(len(weight), -1)
    effect: FloatArray = spread.T @ last
    return effect


def _leaves(trees: Sequence[Any], axes: Sequence[Axis]) -> tuple[list[FloatArray], FloatArray]:
    """Leaves of all trees: the coordinates of each axis they contain, and their predictions."""
    bounds = np.concatenate([axis.bounds() for axis in axes])
    low, high, value = _corners(trees, bounds)
    cuts = np.cumsum([len(axis.bounds()) for axis in axes])[:-1]
    sides = zip(axes, np.split(low, cuts, axis=1), np.split(high, cuts, axis=1), strict=True)
    return [_holds(*each) for each in sides], value


def _corners(trees: Sequence[Any], bounds: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Bounds of the leaves of all trees, ``(n_leaves, n_columns)`` each, and their predictions."""
    # All trees are traversed together, level by level: a loop over nodes would take longer than
    # fitting the trees.
    counts = np.array([tree.node_count for tree in trees])
    roots = np.cumsum(counts) - counts
    shift = np.repeat(roots, counts)
    left = np.concatenate([tree.children_left for tree in trees])
    inner = left >= 0
    left = left + shift
    right = np.concatenate([tree.children_right for tree in trees]) + shift
    column = np.concatenate([tree.feature for tree in trees])
    threshold = np.concatenate([tree.threshold for tree in trees])
    low = np.tile(bounds[:, 0], (len(left), 1))
    high = np.tile(bounds[:, 1], (len(left), 1))
    level = roots[inner[roots]]
    while len(level):
        for child in (left[level], right[level]):
            low[child], high[child] = low[level], high[level]
        high[left[level], column[level]] = threshold[level]
        low[right[level], column[level]] = threshold[level]
        below = np.concatenate([left[level], right[level]])
        level = below[inner[below]]
    value = np.concatenate([tree.value[:, 0, 0] for tree in trees])
    return low[~inner], high[~inner], value[~inner]


def _holds(axis: Axis, low: FloatArray, high: FloatArray) -> FloatArray:
    """1 where a leaf contains a coordinate of the axis, shape ``(n_leaves, n_coordinates)``."""
    held: npt.NDArray[np.bool_]
    if axis.kind == "unordered":
        # One-hot: a leaf contains a choice if its bit may be 1 and no other bit must be 1.
        demands_one = low > 0.0
        others = demands_one.sum(axis=1, keepdims=True) - demands_one
        held = (high == 1.0) & (others == 0)
    else:
        held = (low < axis.reference()) & (axis.reference() <= high)
    return held.astype(np.float64)
