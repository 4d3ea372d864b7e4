"""A pool of workers, wherever they are: packs out, events back, deaths noticed."""

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
from sweep.workers.handle import WorkerHandle
from sweep.workers.messages import (
    Event,
    ObjectiveFailed,
    PackFinished,
    SlotsFree,
    TrialFinished,
    TrialReported,
    WorkerDied,
)
from sweep.workers.worker import PIN

log = logging.getLogger("lorasweep")

LATE = "did not leave in time after a signal and lost the worker"
"""What became of a trial that went on computing when it was asked to leave."""


class Pool(ABC):
    """Runs packs on workers of one kind; implements ``Launcher``.

    Args:
        spec: names the objective, its settings and inputs.
        workers: how many to use; they are hired when first needed.
        lanes: how many trials one of them runs together.

    Attributes:
        spec: that of the workers hired from now on.
        own_lanes: whether each worker runs as many together as it finds best itself.
    """

    differ = False
    """Whether workers may have other devices, and other inputs by mistake, than each other."""

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
    def hire(self) -> WorkerHandle:
        """Start a worker."""

    @abstractmethod
    def ready(self, workers: Sequence[WorkerHandle], timeout_seconds: float) -> WorkerHandle | None:
        """A worker that has said something or is gone; None when none has in time."""

    @abstractmethod
    def capacity(self, advised: int) -> int:
        """How many workers there is room for.

        Args:
            advised: by the objective, for the machine that it was asked on.
        """

    def call(self, method: str, *arguments: Any, interrupts: Interrupts) -> Any:
        """Call ``facts`` or ``check`` of the objective in a worker.

        Raises:
            SweepError: what the objective raised, or that its worker died.
            Interruption: if a signal came meanwhile.
        """
        return self._ask(self._idle(), method, *arguments, interrupts=interrupts)

    def pin(self, settings: Mapping[str, Any], *, interrupts: Interrupts) -> None:
        """Have objectives built with settings that were left open, those there are built anew.

        Raises:
            SweepError: if the objective cannot be built so, or a worker died.
            Interruption: if a signal came meanwhile.
        """
        self.spec = replace(self.spec, settings={**self.spec.settings, **settings})
        for worker in list(self._pool):
            self._ask(worker, PIN, dict(settings), interrupts=interrupts)
            worker.facts = None  # the objective was built anew and will read its inputs again

    def _ask(
        self, worker: WorkerHandle, method: str, *arguments: Any, interrupts: Interrupts
    ) -> Any:
        """Ask an idle worker something and wait for what it says."""
        worker.send((method, *arguments))
        interrupts.check()
        while self.ready([worker], 1.0) is None:
            interrupts.check()
        try:
            # A worker that could not build its objective said why before it left.
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
        """Workers without a pack, started or not."""
        return self.workers - sum(worker.busy for worker in self._pool)

    def busy(self) -> bool:
        """Whether any worker has a pack."""
        return any(worker.busy for worker in self._pool)

    def _idle(self) -> WorkerHandle:
        for worker in self._pool:
            if not worker.busy and worker.alive():
                return worker
        worker = self.hire()
        self._pool.append(worker)
        return worker

    def submit(self, pack: Pack, *, closed: bool = False) -> None:
        """Start a pack on an idle worker, hiring one if there is none.

        A worker reads data and base when it is first asked, which may be hours after the study
        began; so each tells what it has read before its first pack, and none with other inputs
        than the first computes anything.
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
        """How many trials a worker runs together."""
        own = self.differ and self.auto_lanes
        lanes = worker.facts.pack if own and worker.facts is not None else self.lanes
        return min(lanes, self._most.get(worker.place(), lanes))

    def _begin(self, worker: WorkerHandle) -> SlotsFree | None:
        """Have a worker start its pack, unless more trials could be in it."""
        lanes = self._lanes_of(worker)
        if worker.closed or lanes <= len(worker.waiting):
            worker.start(lanes)
            return None

        def answer(more: Sequence[TrialParams]) -> None:
            worker.extend(more)
            worker.start(lanes)

        return SlotsFree(lanes - len(worker.waiting), answer)

    def _asked(self, worker: WorkerHandle, facts: ObjectiveInfo) -> Event | None:
        """A worker has told what it has, and starts its pack if its inputs are the study's."""
        misfit = self._misfit(worker, facts)
        if misfit:
            return ObjectiveFailed(SweepError(misfit))
        if self.differ:
            return self._begin(worker)
        worker.start(len(worker.waiting))
        return None

    def _misfit(self, worker: WorkerHandle, facts: ObjectiveInfo) -> str:
        """Note what a worker has; how its inputs differ from the first worker's, if they do."""
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
        """Let the pack nearest to its end run out, unless a worker comes free anyhow."""
        under_way = [worker for worker in self._pool if worker.busy]
        if not self.free() and not any(worker.closed for worker in under_way):
            min(under_way, key=lambda worker: len(worker.trials)).closed = True

    def next_event(self, timeout_seconds: float) -> Event | None:
        """The next report or result, or the death of a worker."""
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
        """What a worker's message means."""
        if kind == "report":
            number, step, value, metrics = body
            return TrialReported(number, step, value, metrics, worker.send)
        if kind == "settled":
            return self._settled(worker, body[0])
        if kind == "error":
            return ObjectiveFailed(body[0])
        if kind == "reply":
            return self._asked(worker, body[0])
        if worker.waiting:  # its pack ended at once, whatever became of that
            worker.assign(worker.waiting, closed=worker.closed)
            self._with_slots.append(worker)
        else:
            worker.busy = False
        return PackFinished(body[0])

    def _settled(self, worker: WorkerHandle, result: TrialResult) -> TrialFinished:
        worker.trials.pop(result.number)
        if worker.waiting:
            return TrialFinished(result, room=False, answer=worker.refill_waiting)
        room = not worker.closed and len(worker.trials) < self._lanes_of(worker)
        return TrialFinished(result, room, worker.refill)

    def _remove_dead(self, worker: WorkerHandle) -> WorkerDied:
        """Take leave of a worker that is gone, and of large packs if those were its end."""
        self._pool.remove(worker)
        if worker in self._with_slots:
            self._with_slots.remove(worker)
        pack, lanes = list(worker.trials.values()), self._lanes_of(worker)
        if worker.stopped:
            return WorkerDied(pack, Failure(INTERRUPTED, "Interrupted", LATE))
        inside = len(pack) - len(worker.waiting)
        # A pack from before the lanes were halved tells nothing of the lanes there are now.
        if worker.oom_killed() and 1 < inside <= lanes:
            self._halve(worker, lanes // 2)
            log.warning(
                "a worker with %d trials was killed, as the kernel does when memory runs out: "
                "from now on at most %d together%s",
                inside,
                lanes // 2,
                f" on {worker.place()}" if self.differ else "",
            )
        return WorkerDied(pack, worker.exit_failure())

    def _halve(self, worker: WorkerHandle, lanes: int) -> None:
        """Have fewer trials together, on the worker's device alone where devices differ."""
        if self.differ:
            self._most[worker.place()] = lanes
        else:
            self.lanes = lanes

    def request_stop(self) -> None:
        """Ask all trials under way to checkpoint and leave; their results tell how it went."""
        for worker in self._pool:
            if worker.busy:
                worker.request_stop()

    def stop_late(self) -> None:
        """Stop the workers whose trials have not left; each one's death is an event to come."""
        late = [worker for worker in self._pool if worker.busy and not worker.stopped]
        if late:
            trials = sum(len(worker.trials) for worker in late)
            log.warning(
                "%d trial(s) %s; they run again from their last checkpoint when the study goes on",
                trials,
                LATE,
            )
        for worker in late:
            worker.stopped = True
            worker.stop()

    def close(self) -> None:
        """End all workers now; busy ones lose what came after their checkpoints."""
        for worker in self._pool:
            worker.shutdown()
        for worker in self._pool:
            worker.join()
        self._pool.clear()
