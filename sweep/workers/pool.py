"""A pool of workers: submit packs, receive events, replace dead workers.

Why not loky, joblib or Ray's pool: no messages to a running task, no cause of a worker's death.
"""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from sweep.errors import SweepError, fault
from sweep.signals import Interrupts
from sweep.study.objective import ObjectiveInfo
from sweep.study.spec import StudySpec, differences
from sweep.study.trial import INTERRUPTED, Failure, Pack, TrialParams, TrialResult
from sweep.workers import messages
from sweep.workers.handle import WorkerHandle
from sweep.workers.messages import Event
from sweep.workers.worker import PIN

log = logging.getLogger("lorasweep")

LATE = "did not leave in time after a signal and lost the worker"
"""The message for a trial that did not stop in time after a signal."""


class Pool(ABC):
    """Runs packs of trials on workers of one kind.

    Args:
        spec: names the objective, its settings and inputs.
        workers: number of workers; they start when first needed.
        lanes: how many trials one worker runs together.

    Attributes:
        spec: the spec of the workers started from now on.
        workers: how many packs run at a time.
        lanes: how many trials one pack has at most; halved after a pack ran out of memory. Where
            workers have different devices, each has its own number of lanes.
        auto_lanes: whether each worker uses the number of lanes that its own objective advises.
    """

    differ = False
    """Whether workers may have different devices and, by mistake, different inputs."""

    def __init__(self, spec: StudySpec, workers: int = 1, lanes: int = 1) -> None:
        self.spec = spec
        self.workers = workers
        self.lanes = lanes
        self.auto_lanes = False
        self._fingerprints: Mapping[str, str] | None = None
        self._pool: list[WorkerHandle] = []
        self._with_slots: list[WorkerHandle] = []
        self._most: dict[str, int] = {}

    @abstractmethod
    def start_worker(self) -> WorkerHandle:
        """Start a worker."""

    @abstractmethod
    def ready(self, workers: Sequence[WorkerHandle], timeout_seconds: float) -> WorkerHandle | None:
        """A worker that has a message or has died; None if there is none in time."""

    @abstractmethod
    def capacity(self, advised: int) -> int:
        """The number of workers that can run at once.

        Args:
            advised: the objective's advice for the machine that it was asked on.
        """

    def call(self, method: str, *arguments: Any, interrupts: Interrupts) -> Any:
        """Call ``facts`` or ``check`` of the objective in a worker.

        Raises:
            SweepError: the objective's own error, or that its worker died.
            Interruption: if a signal arrived meanwhile.
        """
        return self._ask(self._idle(), method, *arguments, interrupts=interrupts)

    def pin(self, settings: Mapping[str, Any], *, interrupts: Interrupts) -> None:
        """Fix settings that were left open, and rebuild the objectives of all workers with them.

        Raises:
            SweepError: if the objective cannot be built, or a worker died.
            Interruption: if a signal arrived meanwhile.
        """
        self.spec = replace(self.spec, settings={**self.spec.settings, **settings})
        for worker in list(self._pool):
            self._ask(worker, PIN, dict(settings), interrupts=interrupts)
            worker.facts = None  # the rebuilt objective will read its inputs again

    def _ask(
        self, worker: WorkerHandle, method: str, *arguments: Any, interrupts: Interrupts
    ) -> Any:
        worker.send((method, *arguments))
        interrupts.check()
        while self.ready([worker], 1.0) is None:
            interrupts.check()
        try:
            # A worker that failed to build its objective sent the error before it exited.
            kind, value = worker.receive()
        except (EOFError, OSError) as error:
            self._pool.remove(worker)
            raise SweepError(str(worker.exit_failure())) from error
        if kind == "error":
            raise value
        if isinstance(value, ObjectiveInfo):
            misfit = self._misfit(worker, value)
            if misfit:
                raise SweepError(misfit)
        return value

    def free(self) -> int:
        """The number of workers without a pack, whether started or not."""
        return self.workers - sum(worker.busy for worker in self._pool)

    def busy(self) -> bool:
        """Whether any worker has a pack."""
        return any(worker.busy for worker in self._pool)

    def _idle(self) -> WorkerHandle:
        for worker in self._pool:
            if not worker.busy and worker.alive():
                return worker
        worker = self.start_worker()
        self._pool.append(worker)
        return worker

    def submit(self, pack: Pack, *, closed: bool = False) -> None:
        """Start a pack on an idle worker, starting a worker if there is none.

        A worker may first read its inputs hours after the study began. It reports their
        fingerprints before its first pack, and computes nothing if they are not the first worker's.
        """
        worker = self._idle()
        worker.assign(pack, closed=closed)
        if worker.facts is None:
            worker.send(("facts",))
        elif self.differ:
            self._with_slots.append(worker)
        else:
            worker.start(len(pack))

    def _lanes_of(self, worker: WorkerHandle) -> int:
        own = self.differ and self.auto_lanes
        lanes = worker.facts.pack if own and worker.facts is not None else self.lanes
        return min(lanes, self._most.get(worker.place(), lanes))

    def _begin(self, worker: WorkerHandle) -> messages.SlotsFree | None:
        """Start a worker's pack, or first ask the driver for more trials if lanes are free."""
        lanes = self._lanes_of(worker)
        if worker.closed or lanes <= len(worker.waiting):
            worker.start(lanes)
            return None

        def answer(more: Sequence[TrialParams]) -> None:
            worker.extend(more)
            worker.start(lanes)

        return messages.SlotsFree(lanes - len(worker.waiting), answer)

    def _asked(self, worker: WorkerHandle, facts: ObjectiveInfo) -> Event | None:
        """Record what a worker reports, and start its pack if its inputs are those of the study."""
        misfit = self._misfit(worker, facts)
        if misfit:
            return messages.ObjectiveFailed(SweepError(misfit))
        if self.differ:
            return self._begin(worker)
        worker.start(len(worker.waiting))
        return None

    def _misfit(self, worker: WorkerHandle, facts: ObjectiveInfo) -> str:
        """Record what a worker reports; return how its inputs differ from the first worker's."""
        worker.facts = facts
        if self._fingerprints is None:
            self._fingerprints = facts.fingerprints
        differ = differences(self._fingerprints, facts.fingerprints)
        if not differ:
            return ""
        rule = "hold for every worker what they held for the first"
        way_out = "Restore what changed and resume: finished trials are kept"
        return fault("the inputs", rule, "; ".join(differ), way_out=way_out)

    def drain_one(self) -> None:
        """Close the pack with the fewest trials left, unless a worker is or becomes free anyway."""
        under_way = [worker for worker in self._pool if worker.busy]
        if not self.free() and not any(worker.closed for worker in under_way):
            min(under_way, key=lambda worker: len(worker.trials)).closed = True

    def next_event(self, timeout_seconds: float) -> Event | None:
        """The next event: a report, a result, or the death of a worker."""
        if self._with_slots:
            return self._begin(self._with_slots.pop())
        worker = self.ready([worker for worker in self._pool if worker.busy], timeout_seconds)
        if worker is None:
            return None
        try:
            said = worker.receive()
        except (EOFError, OSError):
            return self._remove_dead(worker)
        return self._event(worker, *said)

    def _event(self, worker: WorkerHandle, kind: str, *body: Any) -> Event | None:
        if kind == "report":
            number, step, value, metrics = body
            return messages.TrialReported(number, step, value, metrics, worker.send)
        if kind == "settled":
            return self._settled(worker, body[0])
        if kind == "error":
            return messages.ObjectiveFailed(body[0])
        if kind == "reply":
            return self._asked(worker, body[0])
        if worker.waiting:  # the pack ended with trials still waiting
            worker.assign(worker.waiting, closed=worker.closed)
            self._with_slots.append(worker)
        else:
            worker.busy = False
        return messages.PackFinished(body[0])

    def _settled(self, worker: WorkerHandle, result: TrialResult) -> messages.TrialFinished:
        worker.trials.pop(result.number)
        if worker.waiting:
            return messages.TrialFinished(result, room=False, answer=worker.refill_waiting)
        room = not worker.closed and len(worker.trials) < self._lanes_of(worker)
        return messages.TrialFinished(result, room, worker.refill)

    def _remove_dead(self, worker: WorkerHandle) -> messages.WorkerDied:
        """Remove a dead worker; halve the number of lanes if it was OOM-killed."""
        self._pool.remove(worker)
        if worker in self._with_slots:
            self._with_slots.remove(worker)
        pack, lanes = list(worker.trials.values()), self._lanes_of(worker)
        if worker.stopped:
            return messages.WorkerDied(pack, Failure(INTERRUPTED, "Interrupted", LATE))
        inside = len(pack) - len(worker.waiting)
        # A pack larger than the present number of lanes was started before an earlier halving.
        if worker.oom_killed() and 1 < inside <= lanes:
            if self.differ:
                self._most[worker.place()] = lanes // 2
            else:
                self.lanes = lanes // 2
            log.warning(
                "a worker with %d trials was killed, as the kernel does when memory runs out: "
                "from now on at most %d together%s",
                inside,
                lanes // 2,
                f" on {worker.place()}" if self.differ else "",
            )
        return messages.WorkerDied(pack, worker.exit_failure())

    def request_stop(self) -> None:
        """Ask all running trials to checkpoint and stop; their results arrive as events."""
        for worker in self._pool:
            if worker.busy:
                worker.request_stop()

    def stop_late(self) -> None:
        """Kill the workers whose trials have not stopped; their deaths arrive as events."""
        late = [worker for worker in self._pool if worker.busy and not worker.stopped]
        if late:
            trials = sum(len(worker.trials) for worker in late)
            then = "they run again from their last checkpoint when the study goes on"
            log.warning("%d trial(s) %s; %s", trials, LATE, then)
        for worker in late:
            worker.stopped = True
            worker.stop()

    def close(self) -> None:
        """Stop all workers now; running trials lose what they computed since their checkpoints."""
        for worker in self._pool:
            worker.shutdown()
        for worker in self._pool:
            worker.join()
        self._pool.clear()
