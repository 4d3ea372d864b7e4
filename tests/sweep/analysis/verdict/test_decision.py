"""The decision rule on simulated studies with a known answer, a few of each scenario."""

from __future__ import annotations

import pytest
from judged import quick, study
from tiers import first

from sweep.analysis.verdict import result
from sweep.analysis.verdict.decision import decide, trials_needed
from sweep.analysis.verdict.result import Verdict
from sweep.study.claim import Claim

CLAIM = Claim()


def _verdict(name: str, n: int, seed: int) -> Verdict:
    table = study(name, n, seed)
    return quick(table, CLAIM)


@pytest.mark.parametrize("seed", range(2))
def test_a_true_claim_is_confirmed(seed: int) -> None:
    """Target sets with sd 0.021, rank and scaling with sd 0.001, 240 trials."""
    found = _verdict("A", 240, seed)

    assert found.headline == "CONFIRMED"
    assert {part.state for part in found.parts if part.view == "averaged"} == {"CONFIRMED"}
    assert [part.name for part in found.parts] == 2 * ["dominance", "negligible", "beyond size"]
    assert found.trials_needed is None
    assert "Dominance is confirmed: targets beats rank+scaling" in found.reason


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("B", "dominance"),
        ("C", "negligible"),
        ("E1", "negligible"),
        ("E1", "dominance"),
        ("D", "dominance"),
        ("E2", "negligible"),
    ],
)
@pytest.mark.parametrize("seed", first(1, range(2)))
def test_a_false_claim_is_refuted_by_the_right_part(name: str, part: str, seed: int) -> None:
    """No effects; equal effects of rank; size alone; the rate times alpha."""
    found = _verdict(name, 240, seed)

    assert found.verdict == "REFUTED"
    assert found.part(part).state == "REFUTED"
    assert f"{part.capitalize()} is refuted" in found.reason


@pytest.mark.parametrize("seed", range(4))
def test_sets_with_equal_maxima_are_never_confirmed(seed: int) -> None:
    """S7, where each set has its maximum at another rate."""
    assert _verdict("S7", 162, seed).verdict != "CONFIRMED"


def test_a_fixed_rate_is_part_of_the_answer() -> None:
    """At the first set's best rate the sets differ: confirmed at this rate only."""
    found = _verdict("S7fixed", 240, 0)

    assert found.only_at == ("learning_rate",)
    assert found.headline == "CONFIRMED at this learning_rate only"
    assert all(part.view == "averaged" for part in found.parts)


def test_with_few_trials_nothing_is_decided() -> None:
    """An effect of the published size, on 40 trials."""
    found = _verdict("A2", 40, 0)

    assert found.verdict == "INCONCLUSIVE"
    assert "is open" in found.reason


def test_each_choice_has_its_best_rate() -> None:
    """In S7 these rates differ and the maxima are equal: the intervals cover both."""
    found = _verdict("S7", 240, 0)

    assert [place.choice for place in found.best] != []
    assert len({round(place.at["learning_rate"], 6) for place in found.best}) > 1
    for place in found.best:
        rate = "learning_rate"
        assert place.low[rate] <= place.at[rate] <= place.high[rate]
        assert 1e-4 <= place.low[rate] <= place.high[rate] <= 1e-2
        assert place.value_low <= place.value <= place.value_high
        assert place.average < place.value
    assert sum(p.value_low <= 0.25 <= p.value_high for p in found.best) >= 3


def _part(
    name: str, view: str, state: result.PartState, needed: int | None = None
) -> result.TestResult:
    return result.TestResult(name, view, state, 0.5, 0.5, "", needed)


YES, NO, OPEN, UNTESTED = "CONFIRMED", "REFUTED", "INCONCLUSIVE", "UNTESTED"


@pytest.mark.parametrize(
    ("states", "answer"),
    [
        # averaged dominance, negligible, beyond size; optimised dominance, negligible
        ((YES, YES, YES, YES, YES), YES),
        ((YES, YES, UNTESTED, YES, YES), YES),
        ((YES, YES, YES, YES, NO), OPEN),
        ((YES, YES, YES, UNTESTED, YES), OPEN),
        ((YES, YES, YES, OPEN, YES), OPEN),
        ((YES, YES, OPEN, YES, YES), OPEN),
        ((YES, OPEN, YES, YES, YES), OPEN),
        ((NO, OPEN, OPEN, OPEN, OPEN), NO),
        ((YES, NO, YES, YES, YES), NO),
        ((YES, YES, YES, NO, YES), NO),
        ((YES, YES, NO, YES, YES), NO),
        ((YES, OPEN, NO, YES, YES), OPEN),
        ((OPEN, YES, NO, YES, YES), OPEN),
        ((YES, YES, NO, OPEN, YES), OPEN),
    ],
)
def test_the_parts_determine_the_answer(states: tuple[result.PartState, ...], answer: str) -> None:
    """Both views of every part but size for a yes; dominance or negligibility for a no.

    "Size explains it" needs everything else confirmed.
    """
    keys = [("dominance", "averaged"), ("negligible", "averaged"), ("beyond size", "averaged")]
    keys += [("dominance", "optimised"), ("negligible", "optimised")]
    parts = tuple(_part(*key, state) for key, state in zip(keys, states, strict=True))

    assert decide(parts) == answer


def test_the_trials_needed_are_those_of_the_hardest_open_part() -> None:
    """None if one part can never be decided."""
    dominance = _part("dominance", "averaged", OPEN, 200)
    negligible = _part("negligible", "averaged", OPEN, 500)
    hopeless = _part("dominance", "optimised", OPEN)
    beside = _part("negligible", "optimised", OPEN, 9000)

    assert trials_needed((dominance, negligible)) == 500
    assert trials_needed((dominance, negligible, beside)) == 9000
    assert trials_needed((dominance, negligible, hopeless)) is None
    assert trials_needed((_part("dominance", "averaged", YES),)) is None
