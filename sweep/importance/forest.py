"""fANOVA of a random forest, for any set of parameters: arrays in, shares out.

Source: Hutter, Hoos and Leyton-Brown 2014, https://proceedings.mlr.press/v32/hutter14.html.

A regression tree is constant on boxes, so the variance of its prediction over the search
space, and of its average given some of the parameters, are finite sums over pairs of boxes.

Why not ``optuna.importance.FanovaImportanceEvaluator``: on numeric parameters the two agree to
rounding (a test compares them), but it averages over every combination of a categorical
parameter's one-hot columns. Of six target sets that is 2**6 corners of which 6 exist, which
makes its shares scatter more between studies, and its time doubles with each further set.
Here only real choices count. It has no groups of parameters either.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from sweep.importance.axes import Axis

FloatArray = npt.NDArray[np.float64]


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
    interactions among them, averaged over the trees. The reference is the whole search space,
    parameters independent, each uniform over its range or its choices.

    Args:
        axes: the parameters, each with its places, shape ``(n,)``.
        y: the objective, shape ``(n,)``.
        groups: indices into ``axes``; a group of one is a main effect.
        n_trees: trees in the forest.
        seed: seed of the forest.

    Returns:
        Shares in [0, 1], shape ``(len(groups),)``; NaN when every tree is constant.
    """
    from sklearn.ensemble import RandomForestRegressor  # slow to import: only when used

    features = np.concatenate([axis.columns() for axis in axes], axis=1)
    forest = RandomForestRegressor(n_estimators=n_trees, max_depth=64, random_state=seed)
    forest.fit(features, y)
    bounds = [axis.bounds() for axis in axes]
    trees = [_tree_shares(e.tree_, axes, bounds, groups) for e in forest.estimators_]
    varying = [shares for shares in trees if shares is not None]
    if not varying:
        return np.full(len(groups), np.nan)
    mean: FloatArray = np.mean(varying, axis=0)
    return mean.clip(0.0, 1.0)


@dataclass(frozen=True)
class _Sides:
    """What a tree's leaves span along one axis.

    Attributes:
        axis: the axis.
        low: lower ends, shape ``(n_leaves, n_columns)``.
        high: upper ends, shape ``(n_leaves, n_columns)``.
    """

    axis: Axis
    low: FloatArray
    high: FloatArray

    def extent(self) -> FloatArray:
        """The part of the axis within each leaf, shape ``(n_leaves,)``."""
        if self.axis.kind != "line":
            mean: FloatArray = self._choices().mean(axis=1)
            return mean
        part: FloatArray = (self.high - self.low)[:, 0] / (self.axis.high - self.axis.low)
        return part

    def overlap(self) -> FloatArray:
        """The part of the axis within both of two leaves, shape ``(n_leaves, n_leaves)``."""
        if self.axis.kind != "line":
            choices = self._choices()
            shared: FloatArray = choices @ choices.T / self.axis.size
            return shared
        low, high = self.low[:, 0], self.high[:, 0]
        common: FloatArray = np.minimum(high[:, None], high) - np.maximum(low[:, None], low)
        return common.clip(0.0) / (self.axis.high - self.axis.low)

    def _choices(self) -> FloatArray:
        """1 where a leaf holds a choice, shape ``(n_leaves, size)``."""
        holds: npt.NDArray[np.bool_]
        if self.axis.kind == "ordered":
            positions = np.arange(self.axis.size)
            holds = (self.low < positions) & (positions <= self.high)
            return holds.astype(np.float64)
        # One-hot: a leaf holds the choice whose bit may be set while no other has to be.
        admits_one, demands_one = self.high == 1.0, self.low > 0.0
        others = demands_one.sum(axis=1, keepdims=True) - demands_one
        holds = admits_one & (others == 0)
        return holds.astype(np.float64)


def _tree_shares(
    tree: Any,
    axes: Sequence[Axis],
    bounds: Sequence[FloatArray],
    groups: Sequence[Sequence[int]],
) -> FloatArray | None:
    """One tree's share for each group of axes; None for a constant tree.

    With ``w`` the leaves' volumes, ``v`` their predictions less the mean, and ``o_j`` the overlap
    of two leaves on axis j, ``Var(E[f | G]) = sum_lm v_l v_m prod_G o_j prod_rest w_l w_m``.
    """
    sides, value = _leaves(tree, axes, bounds)
    extents = np.array([side.extent() for side in sides])
    volume = extents.prod(axis=0)
    deviation = value - volume @ value
    variance = float(volume @ deviation**2)
    if variance <= 0.0:
        return None
    overlaps = {index: sides[index].overlap() for index in set(itertools.chain(*groups))}
    shares = []
    for group in groups:
        weighted = deviation * np.delete(extents, list(group), axis=0).prod(axis=0)
        overlap = math.prod(overlaps[index] for index in group)
        shares.append(weighted @ overlap @ weighted / variance)
    return np.array(shares)


def _leaves(
    tree: Any, axes: Sequence[Axis], bounds: Sequence[FloatArray]
) -> tuple[list[_Sides], FloatArray]:
    """Cut the search space as the tree does; scikit-learn lists parents before children."""
    ends = np.concatenate(bounds)
    low = np.tile(ends[:, 0], (tree.node_count, 1))
    high = np.tile(ends[:, 1], (tree.node_count, 1))
    left, right = tree.children_left, tree.children_right
    for node in np.flatnonzero(left >= 0):
        column, threshold = tree.feature[node], tree.threshold[node]
        for child in (left[node], right[node]):
            low[child], high[child] = low[node], high[node]
        high[left[node], column] = threshold
        low[right[node], column] = threshold
    leaves = left < 0
    cuts = np.cumsum([len(each) for each in bounds])[:-1]
    lows, highs = np.split(low[leaves], cuts, axis=1), np.split(high[leaves], cuts, axis=1)
    sides = [_Sides(*each) for each in zip(axes, lows, highs, strict=True)]
    return sides, tree.value[leaves, 0, 0]
