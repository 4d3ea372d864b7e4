"""Permutation importance on held-out trials, as shares of the variance."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from sweep._typing import FloatArray, IndexArray
from sweep.analysis.axes import Axis
from sweep.analysis.importance.fanova import features, grow, predict

FOLDS = 5
"""Cross-validation folds over configurations."""

SHUFFLES = 5
"""Permutations of each parameter per held-out fold."""


def held_out_shares(
    axes: Sequence[Axis],
    y: FloatArray,
    configurations: npt.NDArray[np.intp],
    *,
    n_trees: int,
    seed: int,
) -> FloatArray:
    """Increase of a forest's error on held-out configurations when each parameter is shuffled.

    Half of the increase in squared error over the variance of ``y``: for a perfect forest and
    independent parameters, this is the total-effect share, interactions included. So the shares
    may sum to more than 1 with interactions, and to less with noise; a forest without predictive
    power gives shares near 0. All seeds of a configuration, and all its copies in a resample, are
    in the same fold to avoid leakage.

    Source: Breiman 2001, doi:10.1023/A:1010933404324; the factor of a half as in Gregorutti,
    Michel and Saint-Pierre 2017, doi:10.1007/s11222-016-9646-1.

    Args:
        axes: d parameters, each with the trials' coordinates, shape ``(n,)``.
        y: the objective, shape ``(n,)``.
        configurations: configuration index of each trial, shape ``(n,)``.
        n_trees: trees in each forest.
        seed: the only source of randomness.

    Returns:
        Shares in [0, 1], shape ``(d,)``; NaN with fewer than two configurations or no variance.
    """
    distinct = np.unique(configurations)
    variance = float(y.var())
    if len(distinct) < 2 or variance == 0.0:
        return np.full(len(axes), np.nan)
    rng = np.random.default_rng([seed, 3])
    folds = np.arange(len(distinct)) % min(FOLDS, len(distinct))
    fold = rng.permutation(folds)[np.searchsorted(distinct, configurations)]
    donors = [_derangement(len(y), rng) for _ in range(SHUFFLES)]
    rises = np.zeros(len(axes))
    for number in range(folds.max() + 1):
        held, rest = np.flatnonzero(fold == number), np.flatnonzero(fold != number)
        seen = [axis.take(rest) for axis in axes]
        trees = grow(seen, y[rest], n_trees=n_trees, seed=int(rng.integers(2**31)))
        moved = [[axis.take(donor[held]) for donor in donors] for axis in axes]
        rises += _rises([axis.take(held) for axis in axes], moved, y[held], trees)
    shares: FloatArray = (rises / (2.0 * len(y) * variance)).clip(0.0, 1.0)
    return shares


def _derangement(n: int, rng: np.random.Generator) -> IndexArray:
    """A random permutation without fixed points, which would bias the increase towards 0."""
    order = rng.permutation(n)
    other = np.empty(n, dtype=np.intp)
    other[order] = np.roll(order, 1)
    return other


def _rises(
    axes: Sequence[Axis], moved: Sequence[Sequence[Axis]], y: FloatArray, trees: Sequence[Any]
) -> FloatArray:
    """Increase of the summed squared error when each parameter is shuffled, shape ``(d,)``."""
    points = [features(axes)]
    for index, shuffled in enumerate(moved):
        points += [features([*axes[:index], axis, *axes[index + 1 :]]) for axis in shuffled]
    found = predict(trees, np.concatenate(points)).reshape(len(points), len(y))
    errors = np.square(found - y).sum(axis=1)
    rises: FloatArray = errors[1:].reshape(len(axes), SHUFFLES).mean(axis=1) - errors[0]
    return rises
