"""Select the trials that a verdict is based on, with reasons for those excluded."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from sweep._typing import FloatArray
from sweep.analysis.axes import Axis, sampled_axes
from sweep.analysis.effects.model import Block, Model
from sweep.analysis.rows import Row
from sweep.analysis.table import TrialTable
from sweep.analysis.verdict.anonymize import AnonymizedTable, anonymize
from sweep.analysis.verdict.claim_terms import ClaimTerms
from sweep.analysis.verdict.result import Excluded
from sweep.study.design import MEASURE, PILOT

FAR = 6.0
"""A run counts as collapsed this many robust standard deviations below the prediction."""

LEAST = 1e-6
"""Fraction of the values' range below which residuals are rounding errors."""

FEW = 36
"""With fewer configurations, the noise estimate is too uncertain to detect collapsed runs."""


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


SHOWN = 100
"""Largest number of trial numbers listed per reason."""


@dataclass(frozen=True)
class EligibleTrials:
    """The trials that a verdict is based on, and those excluded.

    Attributes:
        anonymous: the eligible trials as an anonymised table.
        excluded: the excluded trials, grouped by reason.
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
    flags = [row.collapsed for row in pool.table.rows]
    rest = replace(pool.table, rows=tuple(row for row in pool.table.rows if not row.collapsed))
    low = far_below(sampled_axes(rest), rest.y) if len(rest) else np.zeros(0, dtype=np.bool_)
    fell = [row for row, is_low in zip(rest.rows, low, strict=True) if is_low]
    own = [row for row, flagged in zip(pool.table.rows, flags, strict=True) if flagged]
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
