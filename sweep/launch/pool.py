"""A pool of workers, wherever they are: packs out, events back, deaths noticed."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

from sweep.errors import SweepError
from sweep.interrupts import Interrupts
from sweep.launch.events import Broken, Died, Event, Finished, Reported, Settled
from sweep.launch.hired import Hired
from sweep.trial import Pack

log = logging.getLogger("lorasweep")


class Pool(ABC):
    """Runs packs on workers of one kind; implements ``Launcher``.

    Args:
        workers: how many to use; they are hired when first needed.
        lanes: how many trials one of them runs together.
    """

    def __init__(self, workers: int = 1, lanes: int = 1) -> None:
        self.workers = workers
        self.lanes = lanes
        self._pool: list[Hired] = []

    @abstractmethod
    def hire(self) -> Hired:
        """Start a worker."""

    @abstractmethod
    def ready(self, workers: Sequence[Hired], timeout_seconds: float) -> Hired | None:
        """A worker that has said something or is gone; None when none has in time."""

    @abstractmethod
    def room(self, advised: int) -> int:
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
        worker = self._idle()
        worker.say((method, *arguments))
        interrupts.check()
        while self.ready([worker], 1.0) is None:
            interrupts.check()
        try:
            # A worker that could not build its objective said why before it left.
            kind, value = worker.hear()
        except (EOFError, OSError) as error:
            self._pool.remove(worker)
            raise SweepError(str(worker.death_notice())) from error
        if kind == "error":
            raise value
        return value

    def free(self) -> int:
        """Workers without a pack, started or not."""
        return self.workers - sum(worker.busy for worker in self._pool)

    def busy(self) -> bool:
        """Whether any worker has a pack."""
        return any(worker.busy for worker in self._pool)

    def _idle(self) -> Hired:
        for worker in self._pool:
            if not worker.busy and worker.alive():
                return worker
        worker = self.hire()
        self._pool.append(worker)
        return worker

    def submit(self, pack: Pack, *, closed: bool = False) -> None:
        """Start a pack on an idle worker, hiring one if there is none."""
        self._idle().start(pack, closed=closed)

    def free_one(self) -> None:
        """Let the pack nearest to its end run out, unless a worker comes free anyhow."""
        under_way = [worker for worker in self._pool if worker.busy]
        if not self.free() and not any(worker.closed for worker in under_way):
            min(under_way, key=lambda worker: len(worker.trials)).closed = True

    def next_event(self, timeout_seconds: float) -> Event | None:
        """The next report or result, or the death of a worker."""
        worker = self.ready([worker for worker in self._pool if worker.busy], timeout_seconds)
        if worker is None:
            return None
        try:
            kind, *body = worker.hear()
        except (EOFError, OSError):
            return self._bury(worker)
        if kind == "report":
            number, step, value, metrics = body
            return Reported(number, step, value, metrics, worker.say)
        if kind == "settled":
            worker.trials.pop(body[0].number)
            room = not worker.closed and len(worker.trials) < self.lanes
            return Settled(body[0], room, worker.follow)
        if kind == "error":
            return Broken(body[0])
        worker.busy = False
        return Finished(body[0])

    def _bury(self, worker: Hired) -> Died:
        """Take leave of a worker that is gone, and of large packs if those were its end."""
        self._pool.remove(worker)
        pack = list(worker.trials.values())
        # A pack from before the lanes were halved tells nothing of the lanes there are now.
        if worker.was_killed() and 1 < len(pack) <= self.lanes:
            self.lanes //= 2
            log.warning(
                "a worker with %d trials was killed, as the kernel does when memory runs out: "
                "from now on at most %d together",
                len(pack),
                self.lanes,
            )
        return Died(pack, worker.death_notice())

    def call_away(self) -> None:
        """Ask all trials under way to checkpoint and leave; their results tell how it went."""
        for worker in self._pool:
            if worker.busy:
                worker.call_away()

    def close(self) -> None:
        """End all workers now; busy ones lose what came after their checkpoints."""
        for worker in self._pool:
            worker.dismiss()
        for worker in self._pool:
            worker.gone()
        self._pool.clear()
