"""Which trials a verdict may rest on, and why the others are left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from sweep.analysis.axes import sampled_axes
from sweep.analysis.effects.collapsed import FAR
from sweep.analysis.effects.collapsed import collapsed as far_below
from sweep.analysis.rows import Row
from sweep.analysis.table import TrialTable
from sweep.analysis.verdict.anonymize import AnonymizedTable, anonymize
from sweep.analysis.verdict.claim_terms import ClaimTerms
from sweep.analysis.verdict.result import Excluded
from sweep.study.design import MEASURE, PILOT

SHOWN = 100
"""So many trial numbers are listed."""


@dataclass(frozen=True)
class EligibleTrials:
    """The trials that count.

    Attributes:
        neutral: they, with names and orders taken out.
        excluded: the others.
        collapsed: runs set apart because they collapsed, as rows of the neutral space.
        pool: the runs that count and the collapsed, as rows of the neutral space; failed trials,
            which have no value, are not among them.
        failed: how many of the trials that would count failed or ended in no finite number.
        adaptive: whether a sampler chose them by earlier results.
    """

    neutral: AnonymizedTable
    excluded: tuple[Excluded, ...]
    collapsed: tuple[Row, ...]
    pool: tuple[Row, ...]
    failed: int
    adaptive: bool

    @property
    def table(self) -> TrialTable:
        """The trials that count."""
        return self.neutral.table


def select_trials(table: TrialTable, roles: ClaimTerms) -> EligibleTrials:
    """Choose the trials that count: those measured for it, without the collapsed."""
    chosen, excluded = measured_of(table)
    excluded += _dropped(table)
    measured = any(row.phase == MEASURE for row in table.rows)
    failed = sum(not measured or each.phase == MEASURE for each in table.failed)
    failed += sum(each.no_value for each in table.dropped)
    pool = anonymize(chosen, roles)
    told = [row.collapsed for row in pool.table.rows]
    rest = replace(pool.table, rows=tuple(row for row in pool.table.rows if not row.collapsed))
    low = far_below(sampled_axes(rest), rest.y) if len(rest) else np.zeros(0, dtype=np.bool_)
    fell = [row for row, is_low in zip(rest.rows, low, strict=True) if is_low]
    own = [row for row, was_told in zip(pool.table.rows, told, strict=True) if was_told]
    excluded += _grouped("it collapsed, as its own metrics say", own)
    rule = f"it collapsed: more than {FAR:g} robust sd below what its configuration predicts"
    excluded += _grouped(rule, fell)
    gone = {row.number for row in (*own, *fell)}
    kept = anonymize(chosen.only(lambda row: row.number not in gone), roles)
    back = {old: new for new, old in kept.names.items()}
    rename = {new: back[old] for new, old in pool.names.items() if old in back}
    collapsed, whole = (
        tuple(replace(r, values={rename[n]: r.values[n] for n in rename}) for r in rows)
        for rows in ((*own, *fell), pool.table.rows)
    )
    adaptive = table.sampling == "adaptive" and not measured
    return EligibleTrials(kept, tuple(excluded), collapsed, whole, failed, adaptive)


def measured_of(table: TrialTable) -> tuple[TrialTable, list[Excluded]]:
    """The measured trials where there are such, else all but a pilot's; and the others."""
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
