"""Which matrix of a target set earns its gain: Shapley effects over what is adapted.

The response is fitted by ordinary least squares on which matrices a trial adapted, and on the
products of two of them where the tried sets tell all products apart; the other parameters enter
as main effects and are thereby averaged over. With every matrix in or out independently, by the
toss of a coin, that model has a closed form: with z = +-1 for in and out it reads
c0 + sum c_i z_i + sum c_ij z_i z_j, and matrix i has the Shapley effect
c_i^2 + sum_j c_ij^2 / 2 on the variance. On the mean gain from nothing to everything its Shapley
value is b_i + sum_j b_ij / 2, in the objective's unit, with b the coefficients on 0 and 1.

Sources: Owen 2014, doi:10.1137/130936233; Shapley 1953, doi:10.1515/9781400881970-018.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sweep.axes import Axis
from sweep.errors import StorageError, fault
from sweep.importance.bootstrap import intervals
from sweep.importance.matrices import Matrices
from sweep.importance.module_result import ModuleReport, ModuleShare
from sweep.importance.notes import cannot_be_squared
from sweep.importance.views import View, by_content
from sweep.table import TrialTable

FloatArray = npt.NDArray[np.float64]


def module_report(
    table: TrialTable,
    parameter: str = "targets",
    *,
    seed: int = 0,
    n_bootstrap: int = 100,
    level: float = 0.9,
) -> ModuleReport:
    """Share the target sets' effect out among the matrices they are made of.

    Args:
        table: the trials.
        parameter: the parameter whose values are target sets, names joined by ``+``.
        seed: the only source of randomness; the order of the rows does not matter.
        n_bootstrap: resamples of configurations behind the intervals; resamples in which the
            matrices cannot be told apart are left out.
        level: nominal level of the intervals, in (0, 1).

    Raises:
        StorageError: if there is no such parameter.
        TargetError: if a value of it is no target set.
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
    elif matrices.told:
        fit = _Fit.of(View.of(table), matrices, parameter)
        rows = _rows(fit, matrices.names, (seed, n_bootstrap, level))
        if not rows:
            notes = (*notes, f"{len(table)} trials are too few, or too alike, to fit the matrices.")
    count = len(matrices.sets)
    return ModuleReport(parameter, rows, len(table), count, matrices.pairwise, level, notes)


@dataclass(frozen=True, eq=False)
class _Fit:
    """The least-squares model.

    Attributes:
        y: the objective, shape ``(n,)``.
        configurations: which configuration each row is, shape ``(n,)``.
        columns: a constant, the k matrices, their products if any, the other parameters;
            shape ``(n, p)``.
        k: matrices.
        pairwise: whether there are products.
    """

    y: FloatArray
    configurations: npt.NDArray[np.intp]
    columns: FloatArray
    k: int
    pairwise: bool

    @classmethod
    def of(cls, view: View, matrices: Matrices, parameter: str) -> _Fit:
        """The model of a view's trials."""
        others = [_nuisance(axis) for axis in view.sampled if axis.name != parameter]
        adapted = matrices.columns[matrices.at]
        columns = np.hstack([np.ones((len(view.y), 1)), adapted, *others])
        return cls(view.y, view.configurations, columns, len(matrices.names), matrices.pairwise)

    def worths(self, y: FloatArray, rows: npt.NDArray[np.intp]) -> FloatArray:
        """Shares, then gains, shape ``(2 k,)``; NaN where the rows cannot tell."""
        columns, k = self.columns[rows], self.k
        found, _, rank, _ = np.linalg.lstsq(columns, y[rows])
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


def _rows(
    fit: _Fit, names: Sequence[str], asked: tuple[int, int, float]
) -> tuple[ModuleShare, ...]:
    """The records by falling share; none where the trials cannot tell."""
    seed, n_bootstrap, level = asked
    every = np.arange(len(fit.y))
    point = fit.worths(fit.y, every)
    if np.isnan(point).any():
        return ()
    low, high = intervals(
        lambda rows, _: fit.worths(fit.y, rows),
        point,
        fit.configurations,
        n_bootstrap=n_bootstrap,
        level=level,
        seed=seed,
    )
    k = fit.k
    figures = np.stack([point[:k], low[:k], high[:k], point[k:], low[k:], high[k:]], axis=1)
    made = [
        ModuleShare(name, len(fit.y), *each)
        for name, each in zip(names, figures.tolist(), strict=True)
    ]
    return tuple(sorted(made, key=lambda row: (-row.share, row.name)))


def _nuisance(axis: Axis) -> FloatArray:
    """Columns of another parameter's main effect: its choices, or a parabola over its line."""
    if axis.kind == "unordered":
        used = axis.columns()
        return used[:, used.any(axis=0)][:, 1:]
    place = 2.0 * (axis.places - axis.low) / (axis.high - axis.low) - 1.0
    degree = min(2, len(np.unique(place)) - 1)
    return place[:, None] ** np.arange(1, degree + 1)
