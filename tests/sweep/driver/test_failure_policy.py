import pytest

from sweep.driver.failure_policy import FIRST, IN_A_ROW, FailurePolicy
from sweep.study.trial import Failure, TrialResult, TrialState

GOOD = TrialResult(0, TrialState.COMPLETE, 0.5)
BAD = TrialResult.failed(0, Failure("exception", "ValueError", "no\nmore"))
LEFT = TrialResult.interrupted(0, "left")


def stops(policy: str, *results: TrialResult) -> list[str | None]:
    """The stop message after each result, or None."""
    limits = FailurePolicy(policy)
    errors = [limits.judge([result]) for result in results]
    return [None if error is None else str(error) for error in errors]


@pytest.mark.parametrize("policy", ["continue", "retry(3)"])
def test_a_sweep_stops_if_its_first_trials_all_fail(policy: str) -> None:
    """With the last failure's reason in one line, and the remedy."""
    *before, last = stops(policy, *[BAD] * FIRST)

    assert before == [None] * (FIRST - 1)
    assert last is not None
    assert last.startswith("the first 5 trials of this run all failed, the last with: exception:")
    assert "status --failed" in last
    assert "more" not in last


def test_failures_of_one_region_do_not_stop_a_working_sweep() -> None:
    """After one success it takes twenty failures in a row."""
    results = stops("continue", GOOD, *[BAD] * IN_A_ROW)

    assert results[:-1] == [None] * IN_A_ROW
    assert str(results[-1]).startswith("20 trials failed in a row")
    assert stops("continue", *([BAD] * 4 + [GOOD]) * 9) == [None] * 45


def test_stop_stops_at_the_first_failure() -> None:
    """After any number of successes."""
    assert str(stops("stop", GOOD, BAD)[1]).startswith("a trial failed, and the policy is to stop")


def test_interrupted_trials_are_no_failures() -> None:
    """They neither count nor reset the count."""
    assert stops("stop", *[LEFT] * 30) == [None] * 30
    assert stops("continue", BAD, BAD, LEFT, BAD, BAD, BAD)[-1] is not None


def test_a_failure_shared_by_several_trials_counts_once() -> None:
    """An exception from a pack of eight is one failure; eight separate ones are eight."""
    shared = [TrialResult.failed(number, Failure("exception", "E", "all")) for number in range(8)]
    own = [TrialResult.failed(number, Failure("exception", "E", str(number))) for number in (1, 2)]
    limits = FailurePolicy("continue")

    assert [limits.judge(shared) for _ in range(FIRST - 2)] == [None] * (FIRST - 2)
    assert limits.judge(own) is not None
