"""fANOVA as a witness that may veto a confirmation: does it see the same parameter first?

Forests know no model, so they see what a low-order one may miss. They are poor judges all the
same: on pure noise their shares still sum to 1. Hence both tests here: the dominant group must
exceed every other one in nearly all resamples, and its share must exceed what permuted values
give it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from sweep.analysis.importance.cautions import no_answer, nothing_to_share
from sweep.analysis.importance.fanova import forest_shares
from sweep.analysis.importance.methods import N_TREES, resample_trees
from sweep.analysis.importance.resampling import null_shares, resamples
from sweep.analysis.importance.trials import Indices, TrialArrays, by_content, drawn
from sweep.analysis.table import TrialTable
from sweep.errors import SpecError, fault

FloatArray = npt.NDArray[np.float64]
Group = tuple[str, ...]
Measure = Callable[[FloatArray, Indices, int, int], FloatArray]
"""From values, the rows they stand in, a number of trees and a seed to each group's share."""

PROBABILITY = 0.95
"""How often the dominant group must exceed each other one."""


@dataclass(frozen=True)
class FanovaCheck:
    """What fANOVA says of one group against others.

    Attributes:
        dominant: the group's name, its members joined by ``+``.
        share: its share of the forest's variance, interactions within the group included.
        others: the other groups' shares by name.
        probability: in which part of the resamples it exceeds another group: the least over
            the groups.
        null99: the 99th percentile of its share under permuted values.
        passes: whether probability and share are both high enough.
        n: trials it rests on.
        configurations: distinct configurations among them.
        n_bootstrap: resamples of configurations.
        n_permutations: permutations of the values over configurations.
        seed: the only source of randomness.
        note: why there is no answer; empty where there is one.
    """

    dominant: str
    share: float
    others: Mapping[str, float]
    probability: float
    null99: float
    passes: bool
    n: int
    configurations: int
    n_bootstrap: int
    n_permutations: int
    seed: int
    note: str = ""

    def to_json(self) -> dict[str, Any]:
        """A JSON tree."""
        return asdict(self)


def fanova_veto(
    table: TrialTable,
    dominant: Group,
    others: tuple[Group, ...],
    *,
    n_bootstrap: int = 200,
    n_permutations: int = 100,
    seed: int = 0,
) -> FanovaCheck:
    """Ask fANOVA whether one group of parameters explains more than each of the others.

    The share is that of 64 trees; resamples and permutations have ``resample_trees``, 16 on
    permuted values of a 162-trial study with four parameters: that moved the 99th percentile of
    the targets' share from 0.25 to 0.23.

    Args:
        table: the trials; those of a design, since adaptive ones are no sample of the space. Of
            more than ``views.MOST_TRIALS`` so many are drawn at random.
        dominant: the parameters that are said to matter.
        others: the groups they are compared with; rank and what stands beside it, alpha or
            scaling, belong into one group.
        n_bootstrap: resamples of configurations.
        n_permutations: permutations of the values over configurations.
        seed: the only source of randomness; the order of the rows does not matter.

    Returns:
        The check; it does not pass where there is nothing to share out.

    Raises:
        SpecError: if a group names no parameter, or there is nothing to compare with.
    """
    _check(dominant, others, table)
    table = drawn(by_content(table))
    measure = _measure(TrialArrays.of(table), [dominant, *others])
    names = ["+".join(group) for group in (dominant, *others)]
    y, configurations = table.y, table.configurations
    every = np.arange(len(y))
    note = nothing_to_share(table)
    point = np.zeros(len(names)) if note else measure(y, every, N_TREES, seed)
    if np.isnan(point).any():
        note, point = no_answer("fanova", len(table)), np.zeros(len(names))
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
        dominant=names[0],
        share=share,
        others=dict(zip(names[1:], point[1:].tolist(), strict=True)),
        probability=probability,
        null99=null99,
        passes=probability >= PROBABILITY and share > null99,
        n=len(table),
        configurations=len(np.unique(configurations)),
        n_bootstrap=n_bootstrap,
        n_permutations=n_permutations,
        seed=seed,
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
    """The groups' shares; 0 for a group of which no parameter varied."""
    at = [view.indices([name for name in group if name in view.names]) for group in groups]
    varied = [index for index, each in enumerate(at) if each]

    def measure(y: FloatArray, rows: Indices, n_trees: int, seed: int) -> FloatArray:
        axes = view.take(rows).sampled
        shares = np.zeros(len(groups))
        if varied:
            asked = [at[index] for index in varied]
            shares[varied] = forest_shares(axes, y, asked, n_trees=n_trees, seed=seed)
        return shares

    return measure
