"""Select the trials that a verdict is based on, and remove names and arbitrary orders from them.

A verdict must not depend on what a parameter is called, which target set is listed first, or in
what order the trials ran. So it is computed on an anonymised table: parameters are numbered by
their part in the claim, unordered choices sorted by their mean result, rows by their content.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from sweep._typing import FloatArray
from sweep.analysis.axes import Axis, sampled_axes
from sweep.analysis.effects.model import Block, Model
from sweep.analysis.rows import Row
from sweep.analysis.table import TrialTable
from sweep.analysis.verdict.claim_terms import ClaimTerms
from sweep.analysis.verdict.result import Excluded
from sweep.study.design import MEASURE, PILOT
from sweep.study.parameters import Choice, Param, TargetSets
from sweep.study.space import Space

FAR = 6.0
"""A run counts as collapsed this many robust standard deviations below the prediction."""

LEAST = 1e-6
"""Fraction of the values' range below which residuals are rounding errors."""

FEW = 36
"""With fewer configurations, the noise estimate is too uncertain to detect collapsed runs."""

SHOWN = 100
"""Largest number of trial numbers listed per reason."""


@dataclass(frozen=True)
class AnonymizedTable:
    """An anonymised table and the mapping back to real names.

    Attributes:
        table: the trials with only the parameters that varied, named ``p00``, ``p01``, ...
        names: anonymous name to real name, in order.
        labels: anonymous name to the labels of its choices, in the table's order, for unordered
            parameters.
    """

    table: TrialTable
    names: Mapping[str, str]
    labels: Mapping[str, tuple[str, ...]]

    def real_table(self) -> TrialTable:
        """The table with the real parameter names."""
        rows = tuple(
            replace(row, values={real: row.values[new] for new, real in self.names.items()})
            for row in self.table.rows
        )
        space = Space({real: self.table.space[new] for new, real in self.names.items()})
        return replace(self.table, space=space, rows=rows)

    def index(self, group: Sequence[str]) -> tuple[int, ...]:
        """Indices of parameters given by real name; those that did not vary are left out."""
        order = list(self.names.values())
        return tuple(order.index(name) for name in group if name in order)


def anonymize(table: TrialTable, terms: ClaimTerms) -> AnonymizedTable:
    """Number the parameters by their part in the claim; sort unordered choices by mean result."""
    varied = [name for name in table.space if len({row.values[name] for row in table.rows}) > 1]
    spaces = {name: _ordered(table, name) for name in varied}
    first = [name for name in (*terms.judged, *terms.nuisances) if name in varied]
    rest = [name for name in varied if name not in first]
    rest.sort(key=lambda name: -round(_explained(table, name), 9))
    real = {f"p{i:02d}": name for i, name in enumerate([*first, *rest])}
    space = Space({new: spaces[old] for new, old in real.items()})
    rows = [
        replace(row, values={new: row.values[old] for new, old in real.items()})
        for row in table.rows
    ]
    rows.sort(key=lambda row: (space.encode(row.values), row.value, row.seed))
    labels = {
        new: tuple(_label(table.space[old], value) for value in param.values)
        for new, old in real.items()
        if isinstance(param := spaces[old], Choice) and not param.numeric
    }
    first_row = table.rows[0].values if table.rows else {}
    constant = {name: value for name, value in first_row.items() if name not in varied}
    made = replace(
        table, space=space, rows=tuple(rows), derived=(), fixed={**table.fixed, **constant}
    )
    return AnonymizedTable(made, real, labels)


def _ordered(table: TrialTable, name: str) -> Param:
    """The parameter with its observed unordered choices sorted by mean result."""
    param = table.space[name]
    if (isinstance(param, Choice) and param.numeric) or not isinstance(param, (Choice, TargetSets)):
        return param
    found: dict[object, list[float]] = {}
    for row, y in zip(table.rows, table.y, strict=True):
        found.setdefault(row.values[name], []).append(float(y))
    tried = [value for value in param.values if value in found]
    return Choice(
        *sorted(tried, key=lambda v: (round(float(np.mean(found[v])), 12), len(found[v])))
    )


def _label(param: Param, value: object) -> str:
    return param.label(str(value)) if isinstance(param, TargetSets) else str(value)


def _explained(table: TrialTable, name: str) -> float:
    """Squared correlation of the result with a parameter's ranks, or with its choices' means."""
    values = [row.values[name] for row in table.rows]
    y = table.y / (np.abs(table.y).max() or 1.0)
    if all(isinstance(v, (int, float)) for v in values):
        ranks = np.unique(np.array(values, dtype=float), return_inverse=True)[1]
    else:
        means = {
            v: np.mean([each for w, each in zip(values, y, strict=True) if w == v])
            for v in set(values)
        }
        ranks = np.array([means[v] for v in values])
    if np.ptp(ranks) == 0.0 or np.ptp(y) == 0.0:
        return 0.0
    return float(np.corrcoef(ranks, y)[0, 1] ** 2)


def far_below(axes: Sequence[Axis], y: FloatArray) -> npt.NDArray[np.bool_]:
    """Mask of runs far below a robust fit of main effects and products of numeric parameters.

    The fit is Huber's M-estimate (Huber 1964, doi:10.1214/aoms/1177703732), the scale the
    median absolute residual. The rule is one-sided: outliers above the prediction are kept.

    Args:
        axes: the parameters that varied, each with the runs' coordinates, shape ``(n,)``.
        y: the runs' values, higher is better, shape ``(n,)``.

    Returns:
        Shape ``(n,)``.
    """
    none = np.zeros(len(y), dtype=np.bool_)
    spread = float(y.max()) - float(y.min()) if len(y) else 0.0
    if not axes or spread == 0.0:
        return none
    places = np.array([axis.places for axis in axes])
    configurations = np.unique(places, axis=1).shape[1]  # seeds are not counted
    if configurations < FEW:
        return none
    x = _matrix(axes, configurations)
    if x.shape[1] > configurations // 2:
        return none
    residuals = _robust_residuals(x, y)
    centre = float(np.median(residuals))
    # Correct the residual scale for the degrees of freedom used by the fit.
    left = (1.0 - x.shape[1] / len(y)) ** 0.5
    scale = 1.4826 * float(np.median(np.abs(residuals - centre))) / left
    scale = max(scale, LEAST * spread)
    low: npt.NDArray[np.bool_] = residuals - centre < -FAR * scale
    return low


def _matrix(axes: Sequence[Axis], n: int) -> FloatArray:
    numbers = [i for i, axis in enumerate(axes) if axis.kind != "unordered"]
    blocks = [Block((i,), (2,)) for i in range(len(axes))]
    blocks += [Block((i, j), (1, 1)) for i in numbers for j in numbers if i < j]
    model = Model(tuple(axes), tuple(blocks))
    while model.size > n // 4 and len(model.blocks) > len(axes):
        model = Model(model.axes, model.blocks[:-1])
    return model.matrix([axis.places for axis in axes])


def _robust_residuals(x: FloatArray, y: FloatArray) -> FloatArray:
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import HuberRegressor  # slow to import: only when used

    centre = float(np.median(y))
    unit = float(np.median(np.abs(y - centre))) or float(np.ptp(y))
    scaled = (y - centre) / unit
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # an exact fit never converges
        model = HuberRegressor(alpha=0.0, max_iter=200).fit(x, scaled)
    residuals: FloatArray = (scaled - model.predict(x)) * unit
    return residuals


@dataclass(frozen=True)
class EligibleTrials:
    """The trials that a verdict is based on, and those excluded.

    Attributes:
        anonymous: the eligible trials as an anonymised table.
        collapsed: runs excluded because they collapsed, with anonymous parameter names.
        pool: the eligible and the collapsed runs, with anonymous parameter names; failed trials,
            which have no value, are not included.
        failed: number of otherwise eligible trials that failed or have a non-finite value.
        adaptive: whether the configurations were sampled adaptively, from earlier results.
    """

    anonymous: AnonymizedTable
    excluded: tuple[Excluded, ...]
    collapsed: tuple[Row, ...]
    pool: tuple[Row, ...]
    failed: int
    adaptive: bool

    @property
    def table(self) -> TrialTable:
        """The anonymised table of eligible trials."""
        return self.anonymous.table


def select_trials(table: TrialTable, terms: ClaimTerms) -> EligibleTrials:
    """Select the eligible trials: those of the measuring phase if any, without collapsed runs."""
    chosen, excluded = measured_of(table)
    excluded += _dropped(table)
    measured = any(row.phase == MEASURE for row in table.rows)
    failed = sum(not measured or each.phase == MEASURE for each in table.failed)
    failed += sum(each.no_value for each in table.dropped)
    pool = anonymize(chosen, terms)
    rest = pool.table.only(lambda row: not row.collapsed)
    low = far_below(sampled_axes(rest), rest.y) if len(rest) else np.zeros(0, dtype=np.bool_)
    fell = [row for row, is_low in zip(rest.rows, low, strict=True) if is_low]
    own = [row for row in pool.table.rows if row.collapsed]
    excluded += _grouped("it collapsed, as its own metrics say", own)
    rule = f"it collapsed: more than {FAR:g} robust sd below what its configuration predicts"
    excluded += _grouped(rule, fell)
    gone = {row.number for row in (*own, *fell)}
    kept = anonymize(chosen.only(lambda row: row.number not in gone), terms)
    back = {old: new for new, old in kept.names.items()}
    rename = {new: back[old] for new, old in pool.names.items() if old in back}
    collapsed, whole = (
        tuple(replace(r, values={rename[n]: r.values[n] for n in rename}) for r in rows)
        for rows in ((*own, *fell), pool.table.rows)
    )
    adaptive = table.sampling == "adaptive" and not measured
    return EligibleTrials(kept, tuple(excluded), collapsed, whole, failed, adaptive)


def measured_of(table: TrialTable) -> tuple[TrialTable, list[Excluded]]:
    """Trials of phase ``measure`` if there are any, else all but the pilot's; and the excluded."""
    if any(row.phase == MEASURE for row in table.rows):
        others = [row for row in table.rows if row.phase != MEASURE]
        reason = "it was not measured for the claim: the search chose it by earlier results"
        return table.only(lambda row: row.phase == MEASURE), _grouped(reason, others)
    pilots = [row for row in table.rows if row.phase == PILOT]
    return table.only(lambda row: row.phase != PILOT), _grouped("it is of the pilot", pilots)


def _dropped(table: TrialTable) -> list[Excluded]:
    reasons: dict[str, list[int]] = {}
    for dropped in table.dropped:
        reasons.setdefault(dropped.reason, []).append(dropped.number)
    return [Excluded(reason, len(n), tuple(n[:SHOWN])) for reason, n in reasons.items()]


def _grouped(reason: str, rows: Sequence[Row]) -> list[Excluded]:
    numbers = tuple(sorted(row.number for row in rows))
    return [Excluded(reason, len(numbers), numbers[:SHOWN])] if numbers else []
