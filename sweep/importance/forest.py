"""fANOVA of a random forest, for any set of parameters: arrays in, shares out.

Source: Hutter, Hoos and Leyton-Brown 2014, https://proceedings.mlr.press/v32/hutter14.html.

Why not ``optuna.importance.FanovaImportanceEvaluator``, with which a forest of one tree agrees
here (a test compares them):

- It takes apart each tree and averages the shares. What single trees disagree on is mostly
  noise, and all of it counts as interaction, so that a strong parameter's share comes out too
  small. Here the forest's prediction, the mean of its trees, is taken apart.
- It averages over every combination of a categorical parameter's one-hot columns. Of six
  target sets that is 2**6 corners of which 6 exist, and its time doubles with each further
  set. Here only real choices count.
- It knows no groups of parameters.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.stats import qmc

from sweep.importance.axes import Axis

FloatArray = npt.NDArray[np.float64]

REFERENCE_BITS = 12
"""The search space is listed in full up to 2**12 points, and sampled by as many beyond."""


def forest_shares(
    axes: Sequence[Axis],
    y: FloatArray,
    groups: Sequence[Sequence[int]],
    *,
    n_trees: int,
    seed: int,
) -> FloatArray:
    """Share of a forest's variance that each group of parameters explains by itself.

    A group's share is ``Var(E[f | group]) / Var(f)``: the main effects of its members and the
    interactions among them. The reference is the whole search space, parameters independent,
    each uniform over its choices or its range.

    Args:
        axes: the parameters, each with its places, shape ``(n,)``.
        y: the objective, shape ``(n,)``.
        groups: indices into ``axes``; a group of one is a main effect.
        n_trees: trees in the forest.
        seed: seed of the forest.

    Returns:
        Shares in [0, 1], shape ``(len(groups),)``; NaN when the forest is constant.
    """
    from sklearn.ensemble import RandomForestRegressor  # slow to import: only when used

    features = np.concatenate([axis.columns() for axis in axes], axis=1)
    forest = RandomForestRegressor(n_estimators=n_trees, max_depth=64, random_state=seed)
    forest.fit(features, y)
    variance = float(forest.predict(_reference(axes)).var())
    if variance <= np.finfo(np.float64).eps * float(np.square(y).max()):
        return np.full(len(groups), np.nan)
    holds, value = _leaves([tree.tree_ for tree in forest.estimators_], axes)
    extents = np.array([held.mean(axis=1) for held in holds])
    shares = []
    for group in groups:
        rest = np.delete(extents, list(group), axis=0).prod(axis=0)
        effect = _effect(value * rest / n_trees, [holds[index] for index in group])
        shares.append(effect.var() / variance)
    return np.array(shares).clip(0.0, 1.0)


def _reference(axes: Sequence[Axis]) -> FloatArray:
    """Features of every configuration, or of an even sample where there are too many."""
    sizes = [len(axis.reference()) for axis in axes]
    if math.prod(sizes) <= 2**REFERENCE_BITS:
        picked = np.stack([grid.ravel() for grid in np.indices(sizes)], axis=1)
    else:
        unit = qmc.Sobol(len(sizes), seed=0).random_base2(REFERENCE_BITS)
        picked = np.floor(unit * sizes).astype(np.intp)
    columns = [
        axis.columns(axis.reference()[places]) for axis, places in zip(axes, picked.T, strict=True)
    ]
    return np.concatenate(columns, axis=1)


def _effect(weight: FloatArray, holds: Sequence[FloatArray]) -> FloatArray:
    """Mean prediction at each combination of the group's places.

    Args:
        weight: each leaf's prediction times the part of the other axes it spans, shape ``(L,)``.
        holds: for each member which places a leaf holds, shape ``(L, size)``.
    """
    *first, last = holds
    spread = weight[:, None]
    for held in first:
        spread = (spread[:, :, None] * held[:, None, :]).reshape(len(weight), -1)
    effect: FloatArray = spread.T @ last
    return effect


def _leaves(trees: Sequence[Any], axes: Sequence[Axis]) -> tuple[list[FloatArray], FloatArray]:
    """The leaves of all trees: which places of each axis they hold, and what they predict."""
    bounds = np.concatenate([axis.bounds() for axis in axes])
    corners = [_corners(tree, bounds) for tree in trees]
    low = np.concatenate([each[0] for each in corners])
    high = np.concatenate([each[1] for each in corners])
    value = np.concatenate([tree.value[tree.children_left < 0, 0, 0] for tree in trees])
    cuts = np.cumsum([len(axis.bounds()) for axis in axes])[:-1]
    sides = zip(axes, np.split(low, cuts, axis=1), np.split(high, cuts, axis=1), strict=True)
    return [_holds(*each) for each in sides], value


def _corners(tree: Any, bounds: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Lower and upper corners of a tree's leaves, each of shape ``(n_leaves, n_columns)``."""
    low = np.tile(bounds[:, 0], (tree.node_count, 1))
    high = np.tile(bounds[:, 1], (tree.node_count, 1))
    left, right = tree.children_left, tree.children_right
    for node in np.flatnonzero(left >= 0):  # scikit-learn lists parents before children
        column, threshold = tree.feature[node], tree.threshold[node]
        for child in (left[node], right[node]):
            low[child], high[child] = low[node], high[node]
        high[left[node], column] = threshold
        low[right[node], column] = threshold
    leaves = left < 0
    return low[leaves], high[leaves]


def _holds(axis: Axis, low: FloatArray, high: FloatArray) -> FloatArray:
    """1 where a leaf holds a place of the axis, shape ``(n_leaves, n_places)``."""
    held: npt.NDArray[np.bool_]
    if axis.kind == "unordered":
        # One-hot: the choice whose bit may be set while no other bit has to be.
        demands_one = low > 0.0
        others = demands_one.sum(axis=1, keepdims=True) - demands_one
        held = (high == 1.0) & (others == 0)
    else:
        held = (low < axis.reference()) & (axis.reference() <= high)
    return held.astype(np.float64)
