"""Packs of a closed-form objective: trials advance in turn and leave one by one."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from objectives.synthetic import Synthetic
from sweep.study.trial import TrialParams, TrialResult, ignore_reports, stay


def trials(*values: float, first: int = 0, folder: str = "") -> list[TrialParams]:
    """Trials at x1 = these, numbered on; with a folder each if one is given."""
    return [
        TrialParams(first + i, {"x1": x1, "x2": 1.0}, 7, folder=folder and f"{folder}/{first + i}")
        for i, x1 in enumerate(values)
    ]


class Waiting:
    """A ``Refill`` with trials to give, and all results that it took."""

    def __init__(self, *waiting: TrialParams) -> None:
        self.waiting = list(waiting)
        self.results: dict[int, TrialResult] = {}

    def __call__(self, result: TrialResult) -> TrialParams | None:
        """Take a result, which must be the first of its trial."""
        assert result.number not in self.results
        self.results[result.number] = result
        return self.waiting.pop(0) if self.waiting else None


def figures(result: TrialResult) -> tuple[Any, ...]:
    """All of a result but the time that it took, and where in the code it failed."""
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
    """In lanes or alone, handed over or returned; failed and collapsed ones too."""
    objective = Synthetic(SETTINGS, {})
    all_of_them = trials(1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0)
    alone = [figures(objective.run([params], ignore_reports)[0]) for params in all_of_them]
    refill = Waiting(*all_of_them[lanes:])
    left = objective.run(all_of_them[:lanes], ignore_reports, stay, refill)

    assert left == []
    assert [figures(refill.results[number]) for number in range(8)] == alone
    assert [figures(result) for result in objective.run(all_of_them, ignore_reports)] == alone
    assert {state for _, state, *_ in alone} == {"COMPLETE", "FAIL"}


def test_trials_take_turns_and_a_place_is_filled_within_the_turn() -> None:
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
    """Eight that sleep for 0.2 s each."""
    objective = Synthetic({"steps": 4, "sleep_seconds": 0.2}, {})
    results = objective.run(trials(*range(8)), ignore_reports)

    assert all(0.2 <= result.seconds < 0.8 for result in results)


def test_any_number_of_trials_may_fail_before_their_first_step() -> None:
    """Each in the place of the last, without a step between, and without an end of the stack."""
    objective = Synthetic({"fail_on": [{"x2": 1.0}]}, {})
    refill = Waiting(*trials(*range(3000), first=1))
    objective.run(trials(1.0), ignore_reports, stay, refill)

    assert len(refill.results) == 3001


def test_all_lanes_checkpoint_when_asked_to_leave_and_go_on_from_there(tmp_path: Path) -> None:
    """No step twice; a trial that came in late has fewer steps behind it."""
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
    # What was made before is reported again at once, in order; the rest turn by turn.
    assert steps[:3] == [(0, 1), (0, 2), (2, 1)]
    assert steps[3:] == [(0, 3), (2, 2), (0, 4), (2, 3), (2, 4)]
    assert again[0].value == fresh[0].value
