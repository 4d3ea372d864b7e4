"""Worker processes on this machine, each with the objective built once.

Processes rather than threads: a trial that takes its process down takes nothing
else, and one single-threaded worker per core does more trials per hour than one
worker on all cores.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import signal
from collections.abc import Sequence
from multiprocessing.connection import Connection, wait
from typing import Any

from sweep.errors import SweepError
from sweep.interrupts import Interrupts, held_back
from sweep.launch.events import Broken, Event, Finished, Reported
from sweep.launch.worker import work
from sweep.spec import StudySpec
from sweep.trial import WORKER_DIED, Failure, Pack, TrialResult


class _Worker:
    """One process and the pack it computes."""

    def __init__(self, spec: StudySpec) -> None:
        context = multiprocessing.get_context("spawn")  # fork would copy a half-used torch
        self.pipe: Connection
        self.pipe, theirs = context.Pipe()
        heard, self._call = context.Pipe(duplex=False)
        self.process = context.Process(
            target=work,
            args=(theirs, heard, spec.objective, dict(spec.settings), dict(spec.inputs)),
            daemon=True,
        )
        with held_back():
            self.process.start()
        theirs.close()  # so that its death reads as end of file here
        heard.close()
        self.pack: Pack = ()

    def call_away(self) -> None:
        """Ask its trials to leave; it is not used again."""
        with contextlib.suppress(OSError):
            self._call.send(None)

    def hang_up(self) -> None:
        """Close both pipes; an idle worker reads the end of file and leaves by itself."""
        self.pipe.close()
        self._call.close()

    def death_notice(self) -> Failure:
        """Why the process is gone, as far as its exit code tells."""
        self.process.join(timeout=10)
        code = self.process.exitcode
        if code is not None and code < 0:
            how = f"killed by {signal.Signals(-code).name}"
            hint = "; the kernel does so when memory runs out" if code == -signal.SIGKILL else ""
        else:
            how, hint = f"exit code {code}", ""
        return Failure(WORKER_DIED, "WorkerDied", f"the worker process ended: {how}{hint}")


class LocalLauncher:
    """Runs packs in worker processes; implements ``Launcher``.

    Args:
        spec: names the objective, its settings and inputs.
        workers: how many processes to use; they start when first needed.
    """

    def __init__(self, spec: StudySpec, workers: int = 1) -> None:
        self._spec = spec
        self.workers = workers
        self._pool: list[_Worker] = []

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

    def _last_words(self, worker: _Worker, error: Exception) -> tuple[str, Any]:
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
        return self.workers - sum(bool(worker.pack) for worker in self._pool)

    def _idle(self) -> _Worker:
        for worker in self._pool:
            if not worker.pack and worker.process.is_alive():
                return worker
        worker = _Worker(self._spec)
        self._pool.append(worker)
        return worker

    def submit(self, pack: Pack) -> None:
        """Start a pack on an idle worker, starting a process if there is none."""
        worker = self._idle()
        worker.pack = pack
        try:
            worker.pipe.send(("run", pack))
        except OSError:
            return  # it died; next_event reads the end of file and says so

    def next_event(self, timeout_seconds: float) -> Event | None:
        """The next report or result, or the death of a worker as failed results."""
        busy = {worker.pipe: worker for worker in self._pool if worker.pack}
        ready = wait(list(busy), timeout_seconds)
        if not ready:
            return None
        worker = busy[ready[0]]  # type: ignore[index]
        try:
            kind, *body = worker.pipe.recv()
        except (EOFError, OSError):
            return self._bury(worker)
        if kind == "report":
            number, step, value, metrics = body
            return Reported(number, step, value, metrics, worker.pipe.send)
        if kind == "error":
            return Broken(body[0])
        worker.pack = ()
        return Finished(body[0])

    def _bury(self, worker: _Worker) -> Finished:
        self._pool.remove(worker)
        notice = worker.death_notice()
        pack: Sequence[Any] = worker.pack
        return Finished([TrialResult.failed(params.number, notice) for params in pack])

    def call_away(self) -> None:
        """Ask all trials under way to checkpoint and leave; their results tell how it went."""
        for worker in self._pool:
            if worker.pack:
                worker.call_away()

    def close(self) -> None:
        """End all worker processes now; busy ones lose what came after their checkpoints."""
        for worker in self._pool:
            worker.hang_up()
            if worker.pack:
                worker.process.kill()  # signals that can be ignored are
        for worker in self._pool:
            worker.process.join(timeout=10)
            if worker.process.is_alive():
                worker.process.kill()
        self._pool.clear()
