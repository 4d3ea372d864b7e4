"""Guards rarely fire on studies without defects."""

from __future__ import annotations

import pytest
from judged import quick, study

from sweep.analysis.verdict import claim_terms, eligible_trials, hypotheses, preconditions
from sweep.analysis.verdict.verdict import sample_of
from sweep.study.claim import Claim


def _alarms(name: str, n: int, seed: int) -> list[str]:
    """The reasons of the guards, without the verdict's parts."""
    from sweep.analysis.effects.model_selection import select_model

    table = study(name, n, seed)
    claim = Claim()
    roles_ = claim_terms.roles_of(claim, tuple(table.space))
    found = eligible_trials.select_trials(table, roles_)
    assert hypotheses.hypotheses_of(claim, roles_, found).dominant == (0,)
    sample = sample_of(found.table)
    fit = select_model(sample)
    assert fit is not None
    reasons = list(preconditions.before_fit(table, found, roles_))
    return reasons + list(preconditions.after_fit(fit, sample, found.anonymous.names))


@pytest.mark.parametrize(
    ("seeds", "most"),
    [
        (2, 1),
        pytest.param(5, 2, marks=pytest.mark.integration),
        pytest.param(20, 3, marks=pytest.mark.slow),
    ],
)
def test_guards_rarely_fire_on_healthy_studies(seeds: int, most: int) -> None:
    """At most 3 of 100 studies of 40, 80 and 162 trials, balanced and random."""
    kinds = [("A", 40), ("B", 80), ("C", 80), ("Arand", 80), ("A", 162)]

    fired = [
        (kind, seed, reasons)
        for seed in range(seeds)
        for kind in kinds
        if (reasons := _alarms(*kind, seed))
    ]

    assert len(fired) <= most, fired


@pytest.mark.parametrize("seed", range(3))
def test_two_collapses_in_a_hundred_cost_no_verdict(seed: int) -> None:
    """They are excluded by the rule, counted and noted; the others are analysed."""
    table = study("COL", 162, seed)

    found = quick(table, Claim())

    assert found.guards == ()
    lost = sum(each.n for each in found.excluded)
    assert 1 <= lost <= 8
    assert found.n_trials == 162 - lost
    assert any(f"{lost} of 162 runs collapsed" in note for note in found.notes)
