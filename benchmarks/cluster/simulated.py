"""Simulated workers, which answer after a set time without computing, to load the real driver.

They implement the worker interface (``sweep.workers``): the driver submits packs and answers
reports and results as with processes or Ray actors. Only pipes, pickling and the network are left
out. Each lane of a pack runs independently, and waits for the driver's answer at each report and at
its end.

Time is this process's CPU time plus skipped waiting: while the driver is idle, the clock is set
forward to the next message. A study of hours thus takes seconds. Other processes, and the time that
the driver waits for the database, are not counted.
"""

from __future__ import annotations

import heapq
import itertools
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from sweep.study.objective import ObjectiveInfo
from sweep.study.spec import StudySpec
from sweep.study.trial import Failure, TrialParams, TrialResult, TrialState
from sweep.workers.handle import WorkerHandle
from sweep.workers.pool import Pool

METRICS = {f"metric_{number}": 0.123456789 for number in range(30)}
"""As many metrics as a fine-tuning trial has."""

DETAILS = {
    "lora_config": {"r": 8, "lora_alpha": 16, "target_modules": ["query", "value"]},
    "modules": [f"esm.encoder.layer.{layer}.attention.self.query" for layer in range(33)],
}


@dataclass(frozen=True)
class Load:
    """The load that simulated trials cause.

    Attributes:
        seconds: mean duration of a trial.
        evaluations: reports per trial, evenly spaced, the last at its end.
        spread: standard deviation of the logarithm of durations; 0 for equal durations.
    """

    seconds: float
    evaluations: int
    spread: float = 0.2


@dataclass
class _Lane:
    """A running trial."""

    params: TrialParams
    seconds: float
    reported: int = 0


@dataclass
class Clock:
    """A simulated clock with planned events.

    Attributes:
        load: the load of the trials.
        events: a heap of planned messages: time, order, worker, trial number.
        settled: times of finished trials.
        skipped: seconds of skipped waiting.
        order: a counter that orders events of equal time.
        random: the random generator of durations and values.
    """

    load: Load
    events: list[tuple[float, int, SimulatedWorker, int]] = field(default_factory=list)
    settled: list[float] = field(default_factory=list)
    skipped: float = 0.0
    order: itertools.count[int] = field(default_factory=itertools.count)
    random: np.random.Generator = field(default_factory=lambda: np.random.default_rng(0))

    def now(self) -> float:
        """The simulated time in seconds."""
        return time.process_time() + self.skipped

    def duration(self) -> float:
        """A random duration of a trial, log-normal."""
        spread = self.load.spread
        return self.load.seconds * float(self.random.lognormal(-(spread**2) / 2, spread))

    def plan(self, seconds: float, worker: SimulatedWorker, number: int) -> None:
        """Plan a worker's message about a trial, in a number of seconds."""
        heapq.heappush(self.events, (self.now() + seconds, next(self.order), worker, number))

    def next(self, timeout_seconds: float) -> SimulatedWorker | None:
        """Advance to the next message, and return its worker; None if there is none in time."""
        due = self.events[0][0] - self.now() if self.events else math.inf
        self.skipped += min(max(due, 0.0), timeout_seconds)
        if due > timeout_seconds:
            return None
        _, _, worker, number = heapq.heappop(self.events)
        worker.speaking = number
        return worker


_PACK, _FACTS = -1, -2
"""In place of a trial's number: a message about the end of the pack, and about the objective."""


class SimulatedWorker(WorkerHandle):
    """One worker; ``speaking`` is the trial of its next message, or ``_PACK`` or ``_FACTS``."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock = clock
        self._lanes: dict[int, _Lane] = {}
        self.speaking = _PACK

    def send(self, message: Any) -> None:
        """Receive a pack, or the answer to the last message."""
        match message:
            case ("facts",):
                self._clock.plan(0.0, self, _FACTS)
                return
            case ("run", pack):
                for params in pack:
                    self._begin(params)
            case bool():
                self._go_on(self._lanes[self.speaking])
            case TrialParams():
                del self._lanes[self.speaking]
                self._begin(message)
            case None:
                del self._lanes[self.speaking]
        if not self._lanes:
            self._clock.plan(0.0, self, _PACK)

    def _begin(self, params: TrialParams) -> None:
        lane = self._lanes[params.number] = _Lane(params, self._clock.duration())
        self._go_on(lane)

    def _go_on(self, lane: _Lane) -> None:
        """Plan the trial's next report; after the last one, its end at once."""
        left = lane.reported < self._clock.load.evaluations
        parts = max(self._clock.load.evaluations, 1)
        seconds = lane.seconds / parts if left or not self._clock.load.evaluations else 0.0
        self._clock.plan(seconds, self, lane.params.number)

    def receive(self) -> tuple[Any, ...]:
        """The next message: a report, a result, or the end of the pack."""
        if self.speaking == _FACTS:
            return ("reply", ObjectiveInfo())
        if self.speaking == _PACK:
            return ("results", [])
        lane = self._lanes[self.speaking]
        if lane.reported < self._clock.load.evaluations:
            lane.reported += 1
            return ("report", lane.params.number, lane.reported, 0.5, {"loss": 0.1})
        self._clock.settled.append(self._clock.now())
        value = float(self._clock.random.random())
        number = lane.params.number
        result = TrialResult(number, TrialState.COMPLETE, value, METRICS, DETAILS, lane.seconds)
        return ("settled", result)

    def alive(self) -> bool:
        """Always True."""
        return True

    def request_stop(self) -> None:
        """Does nothing: simulated sweeps are not stopped."""

    def stop(self) -> None:
        """Does nothing."""

    def shutdown(self) -> None:
        """Does nothing."""

    def join(self) -> None:
        """Does nothing."""

    def exit_failure(self) -> Failure:
        """Raise, since simulated workers do not die."""
        raise AssertionError("a simulated worker does not die")

    def oom_killed(self) -> bool:
        """Always False."""
        return False


class SimulatedLauncher(Pool):
    """Runs packs on simulated workers.

    Args:
        spec: the study's spec.
        load: the load of the trials.
        workers: number of workers.
        lanes: how many trials one worker runs together.
    """

    def __init__(self, spec: StudySpec, load: Load, workers: int, lanes: int = 1) -> None:
        super().__init__(spec, workers, lanes)
        self.clock = Clock(load)

    def start_worker(self) -> SimulatedWorker:
        """A simulated worker."""
        return SimulatedWorker(self.clock)

    def ready(self, workers: Sequence[WorkerHandle], timeout_seconds: float) -> WorkerHandle | None:
        """The worker whose message is due first; None if none is due in time."""
        del workers
        return self.clock.next(timeout_seconds)

    def capacity(self, advised: int) -> int:
        """The number of workers given."""
        del advised
        return self.workers
