"""Trials that stop at a chosen step (preemption), and their reports until then."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from objectives.binding.objective import BindingObjective
from sweep.study.trial import TrialParams, TrialResult, stay

NOISY = ("seconds", "tokens_per_second", "peak_memory_bytes")


def deterministic(result: TrialResult) -> dict[str, Any]:
    """The metrics without those that depend on the clock or the process."""
    return {name: value for name, value in result.metrics.items() if name not in NOISY}


class AfterSteps:
    """A ``Leave`` callback that asks to stop after some steps of a run, and counts its calls.

    Args:
        steps: number of steps; the call before a trial's start is not counted.
    """

    def __init__(self, steps: int) -> None:
        self.steps = steps
        self.asked = -1

    def __call__(self) -> bool:
        """Whether to stop."""
        self.asked += 1
        return self.asked >= self.steps > 0


class Reports:
    """A ``Report`` callback that records its calls.

    Args:
        stop_at: the step at which it asks to stop; 0 for never.
    """

    def __init__(self, stop_at: int = 0) -> None:
        self.stop_at = stop_at
        self.curve: list[tuple[int, float, dict[str, float]]] = []

    def __call__(self, number: int, step: int, value: float, metrics: Mapping[str, float]) -> bool:
        """Record a report of the one trial under test."""
        assert number == 0
        self.curve.append((step, value, dict(metrics)))
        return step == self.stop_at


def one_run(
    objective: BindingObjective,
    params: TrialParams,
    steps: int = 0,
    reports: Reports | None = None,
) -> TrialResult:
    """Run a trial until it ends, or stops after some steps of this run."""
    leave = AfterSteps(steps) if steps else stay
    (result,) = objective.run([params], reports or Reports(), leave)
    return result


def every_run(
    objective: BindingObjective, params: TrialParams, steps: int, reports: Reports | None = None
) -> tuple[TrialResult, int]:
    """Run a trial repeatedly until it ends, stopping after this many steps each time.

    Returns:
        The last result, and the number of runs.
    """
    for runs in range(1, 100):
        last = reports if reports is not None else Reports()
        last.curve.clear()
        result = one_run(objective, params, steps, last)
        if result.failure is None:
            return result, runs
        assert result.failure.interrupted, result.failure
    raise AssertionError("the trial never ends")
