"""Worker processes on this machine, each with the objective built once.

Processes rather than threads: a trial that takes its process down takes nothing
else, and one single-threaded worker per core does more trials per hour than one
worker on all cores.
"""

from __future__ import annotations

import logging
from multiprocessing.connection import wait
from typing import Any

from sweep.errors import SweepError
from sweep.interrupts import Interrupts
from sweep.launch.events import Broken, Died, Event, Finished, Reported, Settled
from sweep.launch.process import WorkerProcess
from sweep.spec import StudySpec
from sweep.trial import Pack

log = logging.getLogger("lorasweep")


class LocalLauncher:
    """Runs packs in worker processes; implements ``Launcher``.

    Args:
        spec: names the objective, its settings and inputs.
        workers: how many processes to use; they start when first needed.
        lanes: how many trials one of them runs together.
    """

    def __init__(self, spec: StudySpec, workers: int = 1, lanes: int = 1) -> None:
        self._spec = spec
        self.workers = workers
        self.lanes = lanes
        self._pool: list[WorkerProcess] = []

    def call(self, method: str, *arguments: Any, interrupts: Interrupts) -> Any:
        """Call ``facts`` or ``check`` of the objective in a worker.

        Raises:
            SweepError: what the objective raised, or that its worker died.
            Interruption: if a signal came meanwhile.
        """
        worker = self._idle()
        kind: str
        try:
            worker.pipe.send((method, *arguments))
            interrupts.check()
            while not worker.pipe.poll(1.0):
                interrupts.check()
            kind, value = worker.pipe.recv()
        except (EOFError, OSError) as error:
            # A worker that could not build its objective said why before it left.
            kind, value = self._last_words(worker, error)
        if kind == "error":
            raise value
        return value

    def _last_words(self, worker: WorkerProcess, error: Exception) -> tuple[str, Any]:
        try:
            if worker.pipe.poll():
                return worker.pipe.recv()  # type: ignore[no-any-return]
        except (EOFError, OSError):
            pass
        self._pool.remove(worker)
        notice = SweepError(str(worker.death_notice()))
        notice.__cause__ = error
        return "error", notice

    def free(self) -> int:
        """Workers without a pack, started or not."""
        return self.workers - sum(worker.busy for worker in self._pool)

    def busy(self) -> bool:
        """Whether any worker has a pack."""
        return any(worker.busy for worker in self._pool)

    def _idle(self) -> WorkerProcess:
        for worker in self._pool:
            if not worker.busy and worker.process.is_alive():
                return worker
        worker = WorkerProcess(self._spec)
        self._pool.append(worker)
        return worker

    def submit(self, pack: Pack, *, closed: bool = False) -> None:
        """Start a pack on an idle worker, starting a process if there is none."""
        self._idle().start(pack, closed=closed)

    def free_one(self) -> None:
        """Let the pack nearest to its end run out, unless a worker comes free anyhow."""
        under_way = [worker for worker in self._pool if worker.busy]
        if not self.free() and not any(worker.closed for worker in under_way):
            min(under_way, key=lambda worker: len(worker.trials)).closed = True

    def next_event(self, timeout_seconds: float) -> Event | None:
        """The next report or result, or the death of a worker."""
        under_way = {worker.pipe: worker for worker in self._pool if worker.busy}
        ready = wait(list(under_way), timeout_seconds)
        if not ready:
            return None
        worker = under_way[ready[0]]  # type: ignore[index]
        try:
            kind, *body = worker.pipe.recv()
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

    def _bury(self, worker: WorkerProcess) -> Died:
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
        """End all worker processes now; busy ones lose what came after their checkpoints."""
        for worker in self._pool:
            worker.hang_up()
            if worker.busy:
                worker.process.kill()  # signals that can be ignored are
        for worker in self._pool:
            worker.process.join(timeout=10)
            if worker.process.is_alive():
                worker.process.kill()
        self._pool.clear()
