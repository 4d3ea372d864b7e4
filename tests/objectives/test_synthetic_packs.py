"""Packs of a synthetic objective: trials advance in alternation and end one by one."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from objectives.synthetic import Synthetic
from sweep.study.trial import TrialParams, TrialResult, ignore_reports, stay


def trials(*values: float, first: int = 0, folder: str = "") -> list[TrialParams]:
    """Trials with these values of x1, numbered consecutively; with folders if one is given."""
    return [
        TrialParams(first + i, {"x1": x1, "x2": 1.0}, 7, folder=folder and f"{folder}/{first + i}")
        for i, x1 in enumerate(values)
    ]


class Waiting:
    """A ``Refill`` with waiting trials, which records all results."""

    def __init__(self, *waiting: TrialParams) -> None:
        self.waiting = list(waiting)
        self.results: dict[int, TrialResult] = {}

    def __call__(self, result: TrialResult) -> TrialParams | None:
        """Record a result, which must be the only one of its trial."""
        assert result.number not in self.results
        self.results[result.number] = result
        return self.waiting.pop(0) if self.waiting else None


def figures(result: TrialResult) -> tuple[Any, ...]:
    """All of a result except its time and the location of a failure."""
    failure = None if result.failure is None else str(result.failure)
    return result.number, result.state, result.value, dict(result.metrics), failure


SETTINGS = {
    "function": "linear",
    "noise": 0.3,
    "steps": 3,
    "fail_on": [{"x1": 2.0}],
    "out_of_memory_on": [{"x1": 3.0}],
    "collapse_on": [{"x1": 4.0}],
}


@pytest.mark.parametrize("lanes", [1, 2, 3, 8])
def test_a_result_does_not_depend_on_the_pack(lanes: int) -> None:
    """In lanes or alone, by ``refill`` or returned; failed and collapsed trials too."""
    objective = Synthetic(SETTINGS, {})
    all_of_them = trials(1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0)
    alone = [figures(objective.run([params], ignore_reports)[0]) for params in all_of_them]
    refill = Waiting(*all_of_them[lanes:])
    left = objective.run(all_of_them[:lanes], ignore_reports, stay, refill)

    assert left == []
    assert [figures(refill.results[number]) for number in range(8)] == alone
    assert [figures(result) for result in objective.run(all_of_them, ignore_reports)] == alone
    assert {state for _, state, *_ in alone} == {"COMPLETE", "FAIL"}


def test_trials_alternate_and_a_free_lane_is_refilled_at_once() -> None:
    """Trial 1 is pruned at its first step; trial 2 makes its first in the next turn."""
    order: list[tuple[int, int]] = []

    def report(number: int, step: int, value: float, metrics: Mapping[str, float]) -> bool:
        del value, metrics
        order.append((number, step))
        return number == 1

    refill = Waiting(*trials(6.0, first=2))
    Synthetic({"steps": 3}, {}).run(trials(1.0, 5.0), report, stay, refill)

    assert order == [(0, 1), (1, 1), (0, 2), (2, 1), (0, 3), (2, 2), (2, 3)]
    assert [(n, result.state.value) for n, result in refill.results.items()] == [
        (1, "PRUNED"),
        (0, "COMPLETE"),
        (2, "COMPLETE"),
    ]


def test_a_pack_takes_the_time_of_one_trial() -> None:
    """Eight trials that sleep for 0.2 s each."""
    objective = Synthetic({"steps": 4, "sleep_seconds": 0.2}, {})
    results = objective.run(trials(*range(8)), ignore_reports)

    assert all(0.2 <= result.seconds < 0.8 for result in results)


def test_any_number_of_trials_may_fail_before_their_first_step() -> None:
    """Each replaces the last one without a step, and without recursion."""
    objective = Synthetic({"fail_on": [{"x2": 1.0}]}, {})
    refill = Waiting(*trials(*range(3000), first=1))
    objective.run(trials(1.0), ignore_reports, stay, refill)

    assert len(refill.results) == 3001


def test_all_lanes_checkpoint_when_asked_to_stop_and_resume_from_there(tmp_path: Path) -> None:
    """No step is made twice; a trial that started late has made fewer steps."""
    objective = Synthetic({"steps": 4, "noise": 0.3}, {})
    pack = trials(1.0, 2.0, folder=str(tmp_path))
    late = trials(3.0, first=2, folder=str(tmp_path))
    asked = iter([False, False, True])
    refill = Waiting(*late)

    def prune(number: int, step: int, value: float, metrics: Mapping[str, float]) -> bool:
        del step, value, metrics
        return number == 1

    objective.run(pack, prune, lambda: next(asked), refill)
    messages = {n: r.failure.message for n, r in refill.results.items() if r.failure is not None}
    steps: list[tuple[int, int]] = []

    def note(number: int, step: int, value: float, metrics: Mapping[str, float]) -> bool:
        del value, metrics
        steps.append((number, step))
        return False

    again = objective.run([pack[0], *late], note)
    fresh = objective.run([TrialParams(0, pack[0].values, 7)], ignore_reports)

    assert messages == {
        0: "left when asked to, after step 2 of 4",
        2: "left when asked to, after step 1 of 4",
    }
    # Earlier steps are reported again at once, in order; the others turn by turn.
    assert steps[:3] == [(0, 1), (0, 2), (2, 1)]
    assert steps[3:] == [(0, 3), (2, 2), (0, 4), (2, 3), (2, 4)]
    assert again[0].value == fresh[0].value
