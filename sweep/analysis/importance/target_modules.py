"""Importance of each matrix (module) of a target set: Shapley effects over the adapted matrices.

The response is fitted by ordinary least squares on indicators of the adapted matrices, and on
products of two of them if the tried sets identify all products; the other parameters enter as
main effects and are thereby averaged over. If every matrix is adapted independently with
probability 1/2, the Shapley effects have a closed form: with z = +1 or -1 for adapted or not, the
model is c0 + sum c_i z_i + sum c_ij z_i z_j, and matrix i has the Shapley effect
c_i^2 + sum_j c_ij^2 / 2 on the variance. For the mean gain from no matrix to all of them, its
Shapley value is b_i + sum_j b_ij / 2, in the objective's unit, with b the coefficients of the 0/1
indicators.

Sources: Owen 2014, doi:10.1137/130936233; Shapley 1953, doi:10.1515/9781400881970-018.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from sweep._typing import FloatArray
from sweep.analysis.axes import Axis
from sweep.analysis.importance.cautions import cannot_be_squared
from sweep.analysis.importance.resampling import intervals
from sweep.analysis.importance.result import ModuleReport, ModuleShare
from sweep.analysis.importance.trials import TrialArrays, by_content
from sweep.analysis.table import TrialTable
from sweep.errors import StorageError, fault
from sweep.study.targets import members


@dataclass(frozen=True, eq=False)
class Matrices:
    """The distinct target sets of some trials, as indicators of matrices.

    Attributes:
        names: the matrices; those that always occur together as one, joined by ``+``.
        sets: the distinct sets, sorted.
        at: index of each trial's set, shape ``(n,)``.
        columns: indicators of each set's matrices, and products of two if ``pairwise``; shape
            ``(len(sets), p)``.
        identified: whether the sets identify the effects of the matrices.
        pairwise: whether they also identify all products of two.
        notes: confounded matrices and assumptions of the model.
    """

    names: tuple[str, ...]
    sets: tuple[str, ...]
    at: npt.NDArray[np.intp]
    columns: FloatArray
    identified: bool
    pairwise: bool
    notes: tuple[str, ...]

    @classmethod
    def of(cls, values: Sequence[str]) -> Matrices:
        """Indicators of the matrices in the trials' target sets, whose names are joined by ``+``.

        Raises:
            TargetError: if a value is not a target set.
        """
        sets = tuple(sorted(set(values)))
        at = np.array([sets.index(value) for value in values], dtype=np.intp)
        held = [members(each) for each in sets]
        patterns: dict[tuple[bool, ...], list[str]] = {}
        for name in sorted({name for each in held for name in each}):
            patterns.setdefault(tuple(name in each for each in held), []).append(name)
        always = [name for pattern, names in patterns.items() if all(pattern) for name in names]
        blocks = {pattern: names for pattern, names in patterns.items() if not all(pattern)}
        names = tuple("+".join(block) for block in blocks.values())
        single = np.array(list(blocks), dtype=np.float64).reshape(len(blocks), len(sets)).T
        double = [a * b for a, b in itertools.combinations(single.T, 2)]
        products = np.column_stack([single, *double])
        identified = bool(names) and _full_rank(single)
        pairwise = identified and len(names) > 1 and _full_rank(products)
        notes = _together(blocks.values(), always)
        if not identified:
            notes += _not_told(names, single)
        elif len(names) > 1 and not pairwise:
            notes.append(
                f"{len(sets)} target sets cannot show whether the matrices' gains add up: here "
                "they are taken to."
            )
        columns = products if pairwise else single
        return cls(names, sets, at, columns, identified, pairwise, tuple(notes))


def _full_rank(columns: FloatArray) -> bool:
    """Whether the columns and a constant are linearly independent."""
    whole = np.column_stack([np.ones(len(columns)), columns])
    rank = int(np.linalg.matrix_rank(whole))
    return rank == len(whole.T)


def _together(blocks: Iterable[Sequence[str]], always: Sequence[str]) -> list[str]:
    """Notes on matrices that always occur together or in every set."""
    notes = [
        f"{_listed(block)} always occur together among these trials and cannot be told apart."
        for block in blocks
        if len(block) > 1
    ]
    if always:
        notes.append(f"In every target set, so without a row: {', '.join(always)}.")
    return notes


def _not_told(names: Sequence[str], single: FloatArray) -> list[str]:
    """Notes on matrices whose indicators are linearly dependent."""
    if not len(single):
        return []  # no trials, which is reported elsewhere
    if not names:
        return ["All trials have the same matrices: nothing was varied."]
    whole = np.column_stack([np.ones(len(single)), single])
    directions = np.linalg.svd(whole)[2]
    rank = int(np.linalg.matrix_rank(whole))
    loose = np.abs(directions[rank:, 1:]).max(axis=0) > 1e-8
    tied = [name for name, free in zip(names, loose, strict=True) if free]
    note = (
        f"The gains of {_listed(tied)} cannot be told apart: in the {len(single)} target sets "
        "tried each follows from the others. Sets that differ in one of them alone would tell."
    )
    return [note]


def _listed(names: Sequence[str]) -> str:
    """Names joined for a sentence."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def module_report(
    table: TrialTable,
    parameter: str = "targets",
    *,
    seed: int = 0,
    n_bootstrap: int = 100,
    level: float = 0.9,
) -> ModuleReport:
    """Attribute the effect of target sets to their matrices.

    Args:
        table: the trials.
        parameter: the parameter whose values are target sets, names joined by ``+``.
        seed: the only source of randomness; the order of the rows does not matter.
        n_bootstrap: resamples of configurations for the intervals; resamples in which the
            matrices are not identified are left out.
        level: nominal level of the intervals, in (0, 1).

    Raises:
        StorageError: if there is no such parameter.
        TargetError: if a value of it is not a target set.
    """
    if parameter not in table.space:
        raise StorageError(fault("a parameter", f"be one of {list(table.space)}", parameter))
    table = by_content(table)
    matrices = Matrices.of([str(row.values[parameter]) for row in table.rows])
    notes = matrices.notes
    rows: tuple[ModuleShare, ...] = ()
    beyond = cannot_be_squared(table)
    if beyond:
        notes = (*notes, beyond)
    elif matrices.identified:
        fit = _Fit.of(TrialArrays.of(table), matrices, parameter)
        rows = _rows(fit, matrices.names, seed=seed, n_bootstrap=n_bootstrap, level=level)
        if not rows:
            notes = (*notes, f"{len(table)} trials are too few, or too alike, to fit the matrices.")
    count = len(matrices.sets)
    return ModuleReport(parameter, rows, len(table), count, matrices.pairwise, level, notes)


@dataclass(frozen=True, eq=False)
class _Fit:
    """The least-squares model."""

    y: FloatArray
    configurations: npt.NDArray[np.intp]
    columns: FloatArray
    k: int
    pairwise: bool

    @classmethod
    def of(cls, view: TrialArrays, matrices: Matrices, parameter: str) -> _Fit:
        """The model for given trials."""
        others = [_nuisance(axis) for axis in view.sampled if axis.name != parameter]
        adapted = matrices.columns[matrices.at]
        columns = np.hstack([np.ones((len(view.y), 1)), adapted, *others])
        return cls(view.y, view.configurations, columns, len(matrices.names), matrices.pairwise)

    def worths(self, rows: npt.NDArray[np.intp]) -> FloatArray:
        """Shares, then gains, shape ``(2 k,)``; NaN if the rows do not identify the model."""
        columns, k = self.columns[rows], self.k
        found, _, rank, _ = np.linalg.lstsq(columns, self.y[rows])
        if rank < columns.shape[1] or columns.shape[1] >= len(rows):
            return np.full(2 * k, np.nan)
        both = np.zeros((k, k))
        if self.pairwise:
            both[np.triu_indices(k, 1)] = found[k + 1 : k + 1 + k * (k - 1) // 2]
            both += both.T
        alone = found[1 : k + 1]
        effects = np.square(alone / 2 + both.sum(axis=1) / 4) + np.square(both / 4).sum(axis=1) / 2
        total = effects.sum()
        shares = effects / total if total > 0.0 else np.full(k, np.nan)
        return np.concatenate([shares, alone + both.sum(axis=1) / 2])


def _rows(fit: _Fit, names: Sequence[str], **how: Any) -> tuple[ModuleShare, ...]:
    """Rows of the report, largest share first; none if the trials do not identify the model."""
    point = fit.worths(np.arange(len(fit.y)))
    if np.isnan(point).any():
        return ()
    low, high = intervals(lambda rows, _: fit.worths(rows), point, fit.configurations, **how)
    k = fit.k
    figures = np.stack([point[:k], low[:k], high[:k], point[k:], low[k:], high[k:]], axis=1)
    made = [
        ModuleShare(name, len(fit.y), *each)
        for name, each in zip(names, figures.tolist(), strict=True)
    ]
    return tuple(sorted(made, key=lambda row: (-row.share, row.name)))


def _nuisance(axis: Axis) -> FloatArray:
    """Columns of another parameter's main effect: indicators of its choices, or a quadratic."""
    if axis.kind == "unordered":
        used = axis.columns()
        return used[:, used.any(axis=0)][:, 1:]
    place = 2.0 * (axis.places - axis.low) / (axis.high - axis.low) - 1.0
    degree = min(2, len(np.unique(place)) - 1)
    return place[:, None] ** np.arange(1, degree + 1)
