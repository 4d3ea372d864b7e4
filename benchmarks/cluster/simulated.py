"""Workers that take their time without computing, to load the real driver with many of them.

A simulated host obeys the launcher's interface (``sweep.workers``): the driver submits packs to it,
hears reports and results and answers them, exactly as with processes or actors. Only what lies
behind the messages is missing: pipes, pickling, the network. Each lane of a pack goes on by
itself, and waits for the driver's answer at each report and at its end.

Time is the CPU time of this process plus the waiting that is left out: while the driver has
nothing to do the clock is put forward to the next message. So a study of hours takes seconds, and
what else the machine does is not in the figures; nor is what the driver waits for the database.
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

from sweep.study.spec import StudySpec
from sweep.study.trial import Failure, TrialParams, TrialResult, TrialState
from sweep.workers.handle import WorkerHandle
from sweep.workers.pool import Pool

METRICS = {f"metric_{number}": 0.123456789 for number in range(30)}
"""As many figures as a fine-tune has."""

DETAILS = {
    "lora_config": {"r": 8, "lora_alpha": 16, "target_modules": ["query", "value"]},
    "modules": [f"esm.encoder.layer.{layer}.attention.self.query" for layer in range(33)],
}


@dataclass(frozen=True)
class Load:
    """What simulated trials are like.

    Attributes:
        seconds: mean duration of a trial.
        evaluations: reports of a trial, evenly spaced, the last at its end.
        spread: standard deviation of a duration's logarithm; 0 for equal durations.
    """

    seconds: float
    evaluations: int
    spread: float = 0.2


@dataclass
class _Lane:
    """A trial under way."""

    params: TrialParams
    seconds: float
    reported: int = 0


@dataclass
class Clock:
    """What is to happen when, and what happened."""

    load: Load
    events: list[tuple[float, int, SimulatedWorker, int]] = field(default_factory=list)
    settled: list[float] = field(default_factory=list)
    skipped: float = 0.0
    order: itertools.count[int] = field(default_factory=itertools.count)
    random: np.random.Generator = field(default_factory=lambda: np.random.default_rng(0))

    def now(self) -> float:
        """Seconds."""
        return time.process_time() + self.skipped

    def duration(self) -> float:
        """Of a trial."""
        spread = self.load.spread
        return self.load.seconds * float(self.random.lognormal(-(spread**2) / 2, spread))

    def plan(self, seconds: float, worker: SimulatedWorker, number: int) -> None:
        """Have a worker say something about a trial in so many seconds."""
        heapq.heappush(self.events, (self.now() + seconds, next(self.order), worker, number))

    def next(self, timeout_seconds: float) -> SimulatedWorker | None:
        """Go on to when the next has something to say."""
        due = self.events[0][0] - self.now() if self.events else math.inf
        self.skipped += min(max(due, 0.0), timeout_seconds)
        if due > timeout_seconds:
            return None
        _, _, worker, number = heapq.heappop(self.events)
        worker.speaking = number
        return worker


class SimulatedWorker(WorkerHandle):
    """One worker; ``speaking`` is the trial that it has something to say about, -1 for none."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock = clock
        self._lanes: dict[int, _Lane] = {}
        self.speaking = -1

    def say(self, message: Any) -> None:
        """Take a pack, or the answer to what it said last."""
        match message:
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
            self._clock.plan(0.0, self, -1)

    def _begin(self, params: TrialParams) -> None:
        lane = self._lanes[params.number] = _Lane(params, self._clock.duration())
        self._go_on(lane)

    def _go_on(self, lane: _Lane) -> None:
        """Compute to the next report; after the last one the trial is over at once."""
        left = lane.reported < self._clock.load.evaluations
        parts = max(self._clock.load.evaluations, 1)
        seconds = lane.seconds / parts if left or not self._clock.load.evaluations else 0.0
        self._clock.plan(seconds, self, lane.params.number)

    def hear(self) -> tuple[Any, ...]:
        """A report, a result, or that the pack is over."""
        if self.speaking < 0:
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
        """It never dies."""
        return True

    def request_stop(self) -> None:
        """NullListener is called away here."""

    def stop(self) -> None:
        """Nothing runs."""

    def dismiss(self) -> None:
        """Nothing runs."""

    def gone(self) -> None:
        """Nothing ran."""

    def exit_failure(self) -> Failure:
        """It never dies."""
        raise AssertionError("a simulated worker does not die")

    def oom_killed(self) -> bool:
        """It never dies."""
        return False


class SimulatedLauncher(Pool):
    """Runs packs on simulated workers.

    Args:
        spec: the study's.
        load: what trials are like.
        workers: how many workers.
        lanes: how many trials one of them runs together.
    """

    def __init__(self, spec: StudySpec, load: Load, workers: int, lanes: int = 1) -> None:
        super().__init__(spec, workers, lanes)
        self.clock = Clock(load)

    def hire(self) -> SimulatedWorker:
        """A worker, at once."""
        return SimulatedWorker(self.clock)

    def ready(self, workers: Sequence[WorkerHandle], timeout_seconds: float) -> WorkerHandle | None:
        """The worker whose next message is due first, when it is."""
        del workers
        return self.clock.next(timeout_seconds)

    def capacity(self, advised: int) -> int:
        """As many as it was given."""
        del advised
        return self.workers
