"""The rule on simulated studies whose right answer is known: a few of each."""

from __future__ import annotations

import pytest
from judged import quick, study

from sweep.analysis.verdict import result
from sweep.analysis.verdict.decision import decide, trials_needed
from sweep.analysis.verdict.result import Verdict
from sweep.study.claim import Claim

CLAIM = Claim()


def _verdict(name: str, n: int, seed: int) -> Verdict:
    table = study(name, n, seed)
    return quick(table, CLAIM)


@pytest.mark.parametrize("seed", range(2))
def test_what_is_true_is_confirmed(seed: int) -> None:
    """Target sets at 0.021, rank and scaling at 0.001 of standard deviation, 240 trials."""
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
@pytest.mark.parametrize("seed", range(2))
def test_what_is_false_is_refuted_by_the_right_part(name: str, part: str, seed: int) -> None:
    """Nothing matters; rank matters as much; size alone; the rate times alpha."""
    found = _verdict(name, 240, seed)

    assert found.verdict == "REFUTED"
    assert found.part(part).state == "REFUTED"
    assert f"{part.capitalize()} is refuted" in found.reason


@pytest.mark.parametrize("seed", range(4))
def test_sets_that_tie_at_their_own_rates_are_never_confirmed(seed: int) -> None:
    """S7 with the rate varied."""
    assert _verdict("S7", 162, seed).verdict != "CONFIRMED"


def test_a_rate_that_was_fixed_is_part_of_the_answer() -> None:
    """At the first set's own rate the sets differ: true there, and said to hold only there."""
    found = _verdict("S7fixed", 240, 0)

    assert found.only_at == ("learning_rate",)
    assert found.headline == "CONFIRMED at this learning_rate only"
    assert all(part.view == "averaged" for part in found.parts)


def test_where_little_is_known_nothing_is_decided() -> None:
    """A card-sized effect on 40 trials."""
    found = _verdict("A2", 40, 0)

    assert found.verdict == "INCONCLUSIVE"
    assert "is open" in found.reason


def test_each_choice_has_its_best_rate() -> None:
    """In S7 they lie at different rates and reach the same value: intervals hold that."""
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
        ((YES, YES, YES, YES, NO), YES),
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
def test_how_parts_make_an_answer(states: tuple[result.PartState, ...], answer: str) -> None:
    """Every part and both views for a yes; dominance or negligibility for a no.

    Size explains it all only where everything else was confirmed.
    """
    keys = [("dominance", "averaged"), ("negligible", "averaged"), ("beyond size", "averaged")]
    keys += [("dominance", "optimised"), ("negligible", "optimised")]
    parts = tuple(_part(*key, state) for key, state in zip(keys, states, strict=True))

    assert decide(parts) == answer


def test_the_trials_needed_are_those_of_the_hardest_open_part() -> None:
    """None where one of them would never be settled."""
    dominance = _part("dominance", "averaged", OPEN, 200)
    negligible = _part("negligible", "averaged", OPEN, 500)
    hopeless = _part("dominance", "optimised", OPEN)
    beside = _part("negligible", "optimised", OPEN, 9000)

    assert trials_needed((dominance, negligible, beside)) == 500
    assert trials_needed((dominance, negligible, hopeless)) is None
    assert trials_needed((_part("dominance", "averaged", YES),)) is None
