"""Registry of importance methods: each maps trials to one share per row of its table."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from sweep._typing import FloatArray
from sweep.analysis.axes import Axis
from sweep.analysis.importance.fanova import forest_shares, grow
from sweep.analysis.importance.permutation import held_out_shares
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


def _permutation(axes: Sequence[Axis], view: TrialArrays, n_trees: int, seed: int) -> FloatArray:
    return held_out_shares(axes, view.y, view.configurations, n_trees=n_trees, seed=seed)


def _shapley(axes: Sequence[Axis], view: TrialArrays, n_trees: int, seed: int) -> FloatArray:
    return shapley_shares(axes, view.y, n_trees=n_trees, seed=seed)


ESTIMATORS: Mapping[Method, Estimator] = {
    "fanova": _fanova,
    "ped_anova": _ped_anova,
    "mdi": _by_axes(_mdi),
    "permutation": _by_axes(_permutation),
    "shapley": _by_axes(_shapley),
}
"""Estimators by method name."""

ALL_METHODS: tuple[Method, ...] = tuple(ESTIMATORS)
