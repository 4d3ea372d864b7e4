"""Cross-checks that veto a confirmation, on tables made for it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from judged import FAST, quick, simple_table, straight

from sweep.analysis.table import TrialTable
from sweep.analysis.verdict.cross_checks import CheckOptions
from sweep.analysis.verdict.result import Verdict
from sweep.analysis.verdict.verdict import judge
from sweep.study.claim import Claim


def _fast(table: TrialTable, claim: Claim, **how: Any) -> Verdict:
    return judge(table, claim, **{"n_draws": 400, "checks": FAST, **how})


def test_ranks_veto_an_effect_of_a_few_high_values() -> None:
    """One choice of five is far better; among the other four, and within it, a decides.

    t has 16 times the variance of a, but about the same effect on the ranks of trials.
    """
    table = simple_table(
        100, lambda at: 1.0 * (at["t"] == 4.0) + 0.1 * straight(at["a"]), noise=0.01
    )
    claim = Claim("t", ("a",), (), nuisances=())

    found = _fast(table, claim)

    assert quick(table, claim).verdict == "CONFIRMED"
    assert found.verdict == "INCONCLUSIVE"
    assert found.part("dominance").state == "CONFIRMED"
    assert "a cross-check disagrees (ranks: probability of dominance" in found.reason
    assert {c.name for c in found.cross_checks if c.passes is False} == {"ranks"}


@pytest.mark.integration
def test_the_better_half_of_the_rates_vetoes_an_effect_at_bad_rates() -> None:
    """Choices differ only at bad rates; the rate is a nuisance that the claim does not name."""
    table = simple_table(
        200,
        lambda at: (
            0.1 * (at["u"] > 0.0)
            + 0.1 * np.array([-1, -1, 0, 1, 1])[at["t"].astype(int)] * (at["u"] < 0.0)
            + 0.02 * straight(at["a"])
        ),
        noise=0.005,
    )

    found = _fast(table, Claim("t", ("a",), (), nuisances=("u",)))

    [half] = [c for c in found.cross_checks if c.name == "better half of u"]
    assert half.passes is False
    assert found.verdict != "CONFIRMED"


def test_delta_alone_does_not_veto_in_large_units() -> None:
    """The check uses ranks of the objective: 20 is a small step of it, and a huge rank.

    Dominance is likely but not certain, so a veto by size would take effect.
    """
    table = simple_table(
        60,
        lambda at: (
            18.0 * straight(np.array([0, 1, 2, 4, 3])[at["t"].astype(int)])
            + 11.0 * straight(at["a"])
        ),
        noise=10.0,
    )

    found = _fast(table, Claim("t", ("a",), (), delta=20.0, nuisances=()))

    [ranks] = [c for c in found.cross_checks if c.name == "ranks"]
    assert 0.5 < ranks.figures["probability"] < 0.95
    assert ranks.passes is True


def test_checks_that_cannot_be_made_have_a_note() -> None:
    """With 14 trials the better half has too few; that is no disagreement."""
    table = simple_table(14, lambda at: 1.0 * at["t"], noise=0.05)

    found = _fast(table, Claim("t", ("a",), (), nuisances=("u",)), checks=CheckOptions(3, 3, 200))

    [half] = [c for c in found.cross_checks if c.name == "better half of u"]
    assert half.passes is None
    assert half.says == "too few trials to tell"
