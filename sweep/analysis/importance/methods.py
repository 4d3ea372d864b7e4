"""Registry of importance methods: each maps trials to one share per row of its table."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from sweep._typing import FloatArray, IndexArray
from sweep.analysis.axes import Axis
from sweep.analysis.importance.fanova import features, forest_shares, grow, predict
from sweep.analysis.importance.result import Method, Role
from sweep.analysis.importance.shapley import shapley_shares
from sweep.analysis.importance.trials import TrialArrays

Line = tuple[str, Role, tuple[str, ...]]
"""Name, role and members of one row."""

MOST_PAIRED = 8
"""Largest number of parameters for which every pair gets a row (28 pairs)."""

N_TREES = 64
"""Trees of the forest for point estimates: Optuna's default."""

MANY_TRIALS = 1000
"""From this number of trials, resamples use half as many trees to limit the run time."""


FOLDS = 5
"""Cross-validation folds over configurations."""

SHUFFLES = 5
"""Permutations of each parameter per held-out fold."""


def resample_trees(n: int) -> int:
    """Trees for each resample of ``n`` trials; few suffice, since the resamples are aggregated.

    On 2 000 random trials of four parameters, 8 trees instead of 16 changed a share's mean over
    40 resamples by at most 0.001 and its standard deviation from 0.0014 to 0.0015 for the
    strongest parameter; the 99th percentiles of 30 permutations changed by up to 0.022, as much
    as with 16 trees instead of 64.
    """
    return 16 if n < MANY_TRIALS else 8


Estimator = Callable[[TrialArrays, int, int], FloatArray]
"""Maps trials, a number of trees and a seed to the shares of ``lines``; NaN if undefined."""


def lines(view: TrialArrays, method: Method) -> list[Line]:
    """Rows of a method's table, in the order of the shares it returns."""
    found: list[Line] = [(axis.name, "sampled", ()) for axis in view.sampled]
    if view.rule:
        found.append((view.rule.name, "derived", view.rule.of))
    if method != "fanova":
        return found
    if view.rule:
        found.append(("+".join(view.rule.of), "group", view.rule.of))
    found += [(":".join(pair), "interaction", pair) for pair in _pairs(view)]
    return [*found, ("interactions", "interactions", ())]


def _pairs(view: TrialArrays) -> list[tuple[str, str]]:
    if not 2 <= len(view.names) <= MOST_PAIRED:
        return []
    return list(itertools.combinations(view.names, 2))


def _fanova(view: TrialArrays, n_trees: int, seed: int) -> FloatArray:
    """Shares of main effects, the derived parameter, the group, pairs and all interactions."""
    singles = [[i] for i in range(len(view.names))]
    pairs = [view.indices(pair) for pair in _pairs(view)]
    groups = [view.indices(view.rule.of)] if view.rule else []
    shares = forest_shares(
        view.sampled, view.y, [*singles, *groups, *pairs], n_trees=n_trees, seed=seed
    )
    mains, rest = np.split(shares, [len(singles)])
    together, paired = np.split(rest, [len(groups)])
    pure = [
        max(0.0, both - mains[i] - mains[j]) for both, (i, j) in zip(paired, pairs, strict=True)
    ]
    derived = []
    if view.rule:
        at = view.derived_index()
        derived = list(forest_shares(view.other, view.y, [[at]], n_trees=n_trees, seed=seed))
    return np.concatenate([mains, derived, together, pure, [max(0.0, 1.0 - mains.sum())]])


def _ped_anova(view: TrialArrays, n_trees: int, seed: int) -> FloatArray:
    """Shares of the divergence, then that of the derived parameter; deterministic."""
    from sweep.analysis.importance.ped_anova import divergence_shares  # Optuna: only when used

    del n_trees, seed
    return divergence_shares(view)


def _by_axes(measure: Callable[[Sequence[Axis], TrialArrays, int, int], FloatArray]) -> Estimator:
    """Estimator from a per-axis method, applied to the sampled and the derived axes."""

    def estimate(view: TrialArrays, n_trees: int, seed: int) -> FloatArray:
        shares = measure(view.sampled, view, n_trees, seed)
        if not view.rule:
            return shares
        return np.append(shares, measure(view.other, view, n_trees, seed)[view.derived_index()])

    return estimate


def _mdi(axes: Sequence[Axis], view: TrialArrays, n_trees: int, seed: int) -> FloatArray:
    """Mean decrease in impurity per axis, as scikit-learn's forests compute it."""
    trees = grow(axes, view.y, n_trees=n_trees, seed=seed)
    found = [tree.compute_feature_importances() for tree in trees if tree.node_count > 1]
    if not found:
        return np.full(len(axes), np.nan)
    starts = np.cumsum([0, *(len(axis.bounds()) for axis in axes[:-1])])
    return np.add.reduceat(np.mean(found, axis=0), starts)


def _shapley(axes: Sequence[Axis], view: TrialArrays, n_trees: int, seed: int) -> FloatArray:
    return shapley_shares(axes, view.y, n_trees=n_trees, seed=seed)


def held_out_shares(axes: Sequence[Axis], view: TrialArrays, n_trees: int, seed: int) -> FloatArray:
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
        view: the trials.
        n_trees: trees in each forest.
        seed: the only source of randomness.

    Returns:
        Shares in [0, 1], shape ``(d,)``; NaN with fewer than two configurations or no variance.
    """
    y, configurations = view.y, view.configurations
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


ESTIMATORS: Mapping[Method, Estimator] = {
    "fanova": _fanova,
    "ped_anova": _ped_anova,
    "mdi": _by_axes(_mdi),
    "permutation": _by_axes(held_out_shares),
    "shapley": _by_axes(_shapley),
}
"""Estimators by method name."""

ALL_METHODS: tuple[Method, ...] = tuple(ESTIMATORS)
