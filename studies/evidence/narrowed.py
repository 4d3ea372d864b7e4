"""A study judged again where nothing collapsed: exploratory, for the bound was seen in the data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from sweep.analysis.table import TrialTable
from sweep.analysis.verdict.eligible_trials import measured_of
from sweep.analysis.verdict.verdict import judge
from sweep.study.claim import Claim
from sweep.study.parameters import Float
from sweep.study.space import Space

RATE = "learning_rate"
TOLD = ("headline", "reason", "parameters", "parts", "n_trials")


def set_apart(verdict: Mapping[str, Any]) -> list[int]:
    """Numbers of the trials that a verdict left out as collapsed."""
    return [
        number
        for left in verdict["excluded"]
        if left["reason"].startswith("it collapsed")
        for number in left["numbers"]
    ]


def below_collapses(table: TrialTable, apart: Iterable[int]) -> TrialTable:
    """The measured trials at smaller rates than any of those set apart, and the space they span.

    Args:
        table: of a study with a logarithmic ``learning_rate``.
        apart: numbers of the trials that collapsed, at least one.
    """
    measured = measured_of(table)[0]
    numbers = set(apart)
    rates = {row.number: float(row.values[RATE]) for row in measured.rows}
    edge = min(rate for number, rate in rates.items() if number in numbers)
    rows = tuple(row for row in measured.rows if rates[row.number] < edge)
    axis = measured.space[RATE]
    assert isinstance(axis, Float)  # noqa: S101  # of our own studies
    high = max(rates[row.number] for row in rows)
    space = Space({**measured.space.params, RATE: Float(axis.low, high, log=True)})
    return replace(measured, rows=rows, space=space)


def narrowed(
    table: TrialTable,
    claims: Sequence[Claim],
    verdicts: Sequence[Mapping[str, Any]],
    *,
    cross_checks: bool = True,
) -> dict[str, Any] | None:
    """Judge the same claims on the part of the range below the first collapse.

    Args:
        table: the study's trials.
        claims: its claims.
        verdicts: those on the whole range.
        cross_checks: whether forests and the like may take a confirmation back.

    Returns:
        ``high`` (the largest rate that is left), ``n``, and ``claims`` with the verdict of
        each; None where no trial was set apart.
    """
    apart = set_apart(verdicts[0])
    if not apart:
        return None
    part = below_collapses(table, apart)
    axis = part.space[RATE]
    assert isinstance(axis, Float)  # noqa: S101  # made above
    judged = [judge(part, claim, cross_checks=cross_checks).to_json() for claim in claims]
    stored = [{key: verdict[key] for key in TOLD} for verdict in judged]
    return {"high": axis.high, "n": len(part), "apart": sorted(apart), "claims": stored}
