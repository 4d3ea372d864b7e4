"""Events that a launcher returns to the driver, and the launcher protocol."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from sweep.study.trial import Failure, Pack, TrialParams, TrialResult


@dataclass(frozen=True)
class TrialReported:
    """A trial reported an intermediate value and waits for the decision about pruning.

    Attributes:
        number: the trial's number.
        step: optimiser steps done.
        value: the objective value at this step.
        metrics: further metrics at this step.
        answer: call with True to stop the trial, False to continue.
    """

    number: int
    step: int
    value: float
    metrics: Mapping[str, float]
    answer: Callable[[bool], None]


@dataclass(frozen=True)
class TrialFinished:
    """A trial finished, and its worker waits for another in its lane.

    Attributes:
        result: the trial's result.
        room: whether the worker may get another trial.
        answer: call with the next trial, or None to leave the lane empty.
    """

    result: TrialResult
    room: bool
    answer: Callable[[TrialParams | None], None]


@dataclass(frozen=True)
class SlotsFree:
    """A worker is about to start a pack, and has more lanes than the pack has trials.

    Attributes:
        lanes: number of free lanes.
        answer: call with the trials that join, possibly none; then the pack starts.
    """

    lanes: int
    answer: Callable[[Sequence[TrialParams]], None]


@dataclass(frozen=True)
class PackFinished:
    """A pack finished, and its worker is idle.

    Attributes:
        results: results of the trials that have not been reported as ``TrialFinished``.
    """

    results: Sequence[TrialResult]


@dataclass(frozen=True)
class WorkerDied:
    """A worker died or was killed while it had a pack.

    Attributes:
        pack: its unfinished trials.
        failure: why it died.
    """

    pack: Pack
    failure: Failure


@dataclass(frozen=True)
class ObjectiveFailed:
    """The objective cannot be built or used, so no trial can succeed.

    Attributes:
        error: the exception to raise.
    """

    error: Exception


Event = TrialReported | TrialFinished | SlotsFree | PackFinished | WorkerDied | ObjectiveFailed
