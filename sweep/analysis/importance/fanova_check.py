"""fANOVA check of a claim of dominance, which may veto its confirmation.

A forest assumes no model, so it can detect effects that a low-order linear model misses. But on
pure noise its shares still sum to 1. So there are two conditions: the dominant group's share must
exceed every other group's in nearly all bootstrap resamples, and the 99th percentile of its own
share under permuted values.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from sweep._typing import FloatArray, IndexArray
from sweep.analysis.importance.cautions import no_answer, nothing_to_share
from sweep.analysis.importance.fanova import forest_shares
from sweep.analysis.importance.methods import N_TREES, resample_trees
from sweep.analysis.importance.resampling import null_shares, resamples
from sweep.analysis.importance.trials import TrialArrays, by_content, drawn
from sweep.analysis.table import TrialTable
from sweep.errors import SpecError, fault

Group = tuple[str, ...]
Measure = Callable[[FloatArray, IndexArray, int, int], FloatArray]
"""Maps values, row indices, a number of trees and a seed to each group's share."""

PROBABILITY = 0.95
"""Fraction of resamples in which the dominant group must exceed each other group."""


@dataclass(frozen=True)
class FanovaCheck:
    """fANOVA comparison of one group of parameters with others.

    Attributes:
        share: its share of the forest's variance, interactions within the group included.
        others: the other groups' shares by name, the members joined by ``+``.
        probability: fraction of resamples in which it exceeds another group, minimum over the
            groups.
        null99: the 99th percentile of its share under permuted values.
        passes: whether both conditions hold.
        n: number of trials used.
        note: why importance could not be computed; empty if it was.
    """

    share: float
    others: Mapping[str, float]
    probability: float
    null99: float
    passes: bool
    n: int
    note: str = ""


def fanova_veto(
    table: TrialTable,
    dominant: Group,
    others: tuple[Group, ...],
    *,
    n_bootstrap: int = 200,
    n_permutations: int = 100,
    seed: int = 0,
) -> FanovaCheck:
    """Check by fANOVA whether one group of parameters explains more than each of the others.

    The share is from 64 trees; resamples and permutations use ``resample_trees``. With 16 trees,
    on a 162-trial study with four parameters, the 99th percentile of the targets' share under
    permuted values changed from 0.25 to 0.23.

    Args:
        table: the trials; of a design, since adaptive trials are a biased sample of the space.
            A random subset is used of more than ``trials.MOST_TRIALS`` trials.
        dominant: the parameters claimed to dominate.
        others: the groups they are compared with; rank and alpha (or scaling) belong in one
            group.
        n_bootstrap: resamples of configurations.
        n_permutations: permutations of the values over configurations.
        seed: the only source of randomness; the order of the rows does not matter.

    Returns:
        The check; it does not pass if importance cannot be computed.

    Raises:
        SpecError: if a group is empty or names an unknown parameter, a group shares a parameter
            with ``dominant``, or ``others`` is empty.
    """
    _check(dominant, others, table)
    table = drawn(by_content(table))
    measure = _measure(TrialArrays.of(table), [dominant, *others])
    names = ["+".join(group) for group in others]
    y, configurations = table.y, table.configurations
    every = np.arange(len(y))
    note = nothing_to_share(table)
    point = np.zeros(1 + len(names)) if note else measure(y, every, N_TREES, seed)
    if np.isnan(point).any():
        note, point = no_answer("fanova", len(table)), np.zeros(1 + len(names))
    draws, null, trees = np.empty((0, 0)), None, resample_trees(len(table))
    if not note:
        draws = resamples(
            lambda rows, seed: measure(y[rows], rows, trees, seed),
            configurations,
            n_bootstrap=n_bootstrap,
            seed=seed,
        )
        null = null_shares(
            lambda values, seed: measure(values, every, trees, seed),
            y,
            configurations,
            n_null=n_permutations,
            seed=seed,
        )
    probability = float((draws[:, :1] > draws[:, 1:]).mean(axis=0).min()) if draws.size else 0.0
    null99 = 1.0 if null is None else float(null[0])
    share = float(point[0])
    return FanovaCheck(
        share=share,
        others=dict(zip(names, point[1:].tolist(), strict=True)),
        probability=probability,
        null99=null99,
        passes=probability >= PROBABILITY and share > null99,
        n=len(table),
        note=note,
    )


def _check(dominant: Group, others: Sequence[Group], table: TrialTable) -> None:
    faults = []
    for group in (dominant, *others):
        unknown = [name for name in group if name not in table.space]
        if unknown or not group:
            faults.append(fault("a group", f"hold some of {list(table.space)}", group))
        elif group is not dominant and set(group) & set(dominant):
            faults.append(fault("a group", f"share no parameter with {dominant}", group))
    if not others:
        faults.append(fault("others", "hold at least one group to compare with", others))
    if faults:
        raise SpecError(faults)


def _measure(view: TrialArrays, groups: Sequence[Group]) -> Measure:
    """Function computing the groups' shares; 0 for a group of which no parameter varied."""
    at = [view.indices([name for name in group if name in view.names]) for group in groups]
    varied = [index for index, each in enumerate(at) if each]

    def measure(y: FloatArray, rows: IndexArray, n_trees: int, seed: int) -> FloatArray:
        axes = view.take(rows).sampled
        shares = np.zeros(len(groups))
        if varied:
            asked = [at[index] for index in varied]
            shares[varied] = forest_shares(axes, y, asked, n_trees=n_trees, seed=seed)
        return shares

    return measure
