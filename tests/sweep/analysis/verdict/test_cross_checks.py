"""Cross-checks may veto a confirmation, and never make one."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from judged import FAST, quick, simple_table, straight, study

from sweep.analysis.table import TrialTable
from sweep.analysis.verdict.result import CrossCheck, Verdict
from sweep.analysis.verdict.verdict import _vetoed, judge
from sweep.study.claim import Claim
from sweep.study.parameters import Choice
from sweep.study.space import Space

CONFIRMED = Verdict(verdict="CONFIRMED", claim=Claim(), reason="all", only_at=("learning_rate",))


def _check(*, passes: bool | None, veto: bool = True, name: str = "fANOVA") -> CrossCheck:
    return CrossCheck(name, "?", passes, veto, "says no")


def test_a_disagreeing_check_vetoes_a_confirmation() -> None:
    """It is named, with its sentence; the answer's condition is removed."""
    against = _check(passes=False, name="ranks")

    found = _vetoed(CONFIRMED, (_check(passes=True), against))

    assert found.verdict == "INCONCLUSIVE"
    assert found.only_at == ()
    assert "a cross-check disagrees (ranks: says no)" in found.reason
    assert found.cross_checks[1] == against


@pytest.mark.parametrize(
    "check",
    [_check(passes=True), _check(passes=None), _check(passes=False, veto=False)],
    ids=["agrees", "could not be made", "may not veto"],
)
def test_a_check_that_does_not_disagree_vetoes_nothing(check: CrossCheck) -> None:
    """It agrees, could not be made, or may not veto."""
    found = _vetoed(CONFIRMED, (check,))

    assert (found.verdict, found.reason, found.only_at) == (
        "CONFIRMED", "all", ("learning_rate",),
    )  # fmt: skip


@pytest.mark.parametrize("state", ["REFUTED", "INCONCLUSIVE"])
def test_checks_change_no_other_answer(state: Any) -> None:
    """They are only listed with it."""
    found = Verdict(verdict=state, claim=Claim(), reason="as it is")

    for passes in (True, False):
        after = _vetoed(found, (_check(passes=passes),))

        assert (after.verdict, after.reason) == (state, "as it is")
        assert len(after.cross_checks) == 1


def _fast(table: TrialTable, claim: Claim, **how: Any) -> Verdict:
    return judge(table, claim, **{"n_draws": 400, "checks": FAST, **how})


@pytest.fixture(scope="module")
def confirmed() -> Verdict:
    """A study of a true claim, with all checks."""
    return _fast(study("A", 240, 0), Claim())


def test_every_check_is_made_and_has_a_sentence(confirmed: Verdict) -> None:
    """A forest, ranks, other bounds, the better half of the rates, alpha instead of scaling."""
    assert confirmed.verdict == "CONFIRMED"
    assert [check.name for check in confirmed.cross_checks] == [
        "fANOVA",
        "ranks",
        "kappa sensitivity",
        "delta sensitivity",
        "better half of learning_rate",
        "parametrisation",
    ]
    for check in confirmed.cross_checks:
        assert check.passes is True
        assert check.veto
        assert check.question.endswith("?")
        assert check.figures
        assert all(np.isfinite(value) for value in check.figures.values())
        assert not re.search(r"\bp\d\d\b", check.says + check.name + check.question)


def test_without_checks_the_answer_is_the_same_with_a_note(confirmed: Verdict) -> None:
    """There is no veto."""
    found = quick(study("A", 240, 0), Claim(), n_draws=400)

    assert found.verdict == "CONFIRMED"
    assert found.parts == confirmed.parts
    assert found.cross_checks == ()
    assert "The cross-checks were not made" in found.notes[-1]
    assert not any("not made" in note for note in confirmed.notes)


@pytest.mark.integration
def test_the_seed_determines_the_verdict_s_draws() -> None:
    """To the last digit; another seed gives other draws."""
    table = simple_table(40, lambda at: 0.01 * straight(at["a"]), noise=0.01)
    claim = Claim("t", ("a",), ("a",), delta=0.02, nuisances=("u",))

    first, again, other = (_fast(table, claim, seed=seed) for seed in (3, 3, 4))

    assert first == again
    assert first.parts != other.parts
    assert first.cross_checks != other.cross_checks


def test_a_study_that_samples_alpha_has_every_check_too() -> None:
    """With recorded sizes, the check uses scaling in place of alpha."""
    rng = np.random.default_rng(0)
    n = 150
    t, r, a = (rng.permutation(np.arange(n) % 5) for _ in range(3))
    sizes = np.array([4, 6, 8, 10, 18])[t] * 2.0 ** (r + 1)
    space = Space(
        {
            "targets": Choice(*"pqrsv"),
            "rank": Choice(2, 4, 8, 16, 32),
            "alpha": Choice(2, 4, 8, 16, 32),
        }
    )
    table = TrialTable.from_arrays(
        {
            "targets": ["pqrsv"[i] for i in t],
            "rank": 2 ** (r + 1),
            "alpha": 2 ** (a + 1),
        },
        0.05 * np.array([1, -1, 1, -1, 0])[t] + rng.normal(0, 0.005, n),
        space=space,
        sizes=sizes,
    )

    found = _fast(table, Claim(nuisances=()))

    checks = {check.name: check for check in found.cross_checks}
    assert "scaling beside rank in place of alpha" in checks["parametrisation"].question
    assert checks["parametrisation"].passes
    assert found.part("beyond size").state == "CONFIRMED"
    assert found.verdict == "CONFIRMED"
