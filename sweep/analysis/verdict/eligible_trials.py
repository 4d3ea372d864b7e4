"""Select the trials that a verdict is based on, with reasons for those excluded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from sweep.analysis.axes import sampled_axes
from sweep.analysis.effects.collapsed import FAR, far_below
from sweep.analysis.rows import Row
from sweep.analysis.table import TrialTable
from sweep.analysis.verdict.anonymize import AnonymizedTable, anonymize
from sweep.analysis.verdict.claim_terms import ClaimTerms
from sweep.analysis.verdict.result import Excluded
from sweep.study.design import MEASURE, PILOT

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
