"""Worker processes on this machine: pipes, and the cause of their death."""

from __future__ import annotations

import contextlib
import multiprocessing
import signal
from collections.abc import Sequence
from multiprocessing.connection import Connection, wait
from typing import Any

from sweep.signals import held_back
from sweep.study.spec import StudySpec
from sweep.study.trial import INPUT_AWAY, INTERRUPTED, WORKER_DIED, Failure
from sweep.workers.handle import WorkerHandle
from sweep.workers.pool import Pool
from sweep.workers.worker import work


class WorkerProcess(WorkerHandle):
    """One worker process, spawned at once.

    Args:
        spec: names the objective, its settings and inputs.
    """

    def __init__(self, spec: StudySpec) -> None:
        super().__init__()
        context = multiprocessing.get_context("spawn")  # fork would copy torch's state
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
        theirs.close()  # so that the worker's death closes the pipe
        heard.close()

    def alive(self) -> bool:
        """Whether the process is running."""
        return self.process.is_alive()

    def send(self, message: object) -> None:
        """Send a message; if the worker has died, the next event reports it."""
        with contextlib.suppress(OSError):
            self.pipe.send(message)

    def receive(self) -> tuple[Any, ...]:
        """The worker's next message; blocks until there is one."""
        said: tuple[Any, ...] = self.pipe.recv()
        return said

    def request_stop(self) -> None:
        """Ask its trials to checkpoint and stop; the worker is not used again."""
        with contextlib.suppress(OSError):
            self._call.send(None)

    def stop(self) -> None:
        """Kill it, since native code may never return to Python to see a request."""
        self.process.kill()

    def shutdown(self) -> None:
        """Close both pipes: an idle worker reads end of file and exits by itself."""
        self.pipe.close()
        self._call.close()
        if self.busy:
            self.process.kill()  # workers ignore other signals

    def join(self) -> None:
        """Wait until the process has exited; kill it after 10 s."""
        self.process.join(timeout=10)
        if self.process.is_alive():
            self.process.kill()

    def exit_failure(self) -> Failure:
        """Why the process died, as far as its exit code shows."""
        code = self.exit_code()
        if code == -signal.SIGBUS:
            why = "a file that it reads was cut short, or its disk cannot be read"
            return Failure(INTERRUPTED, INPUT_AWAY, f"a worker was killed by SIGBUS: {why}")
        how = f"exit code {code}"
        if code is not None and code < 0:
            hint = "; the kernel does so when memory runs out" if self.oom_killed() else ""
            how = f"killed by {signal.Signals(-code).name}{hint}"
        return Failure(WORKER_DIED, "WorkerDied", f"the worker process ended: {how}")

    def oom_killed(self) -> bool:
        """Whether it was killed by SIGKILL, as the kernel does when memory runs out."""
        return self.exit_code() == -signal.SIGKILL

    def exit_code(self) -> int | None:
        """The exit code of a process that has exited or is about to."""
        self.process.join(timeout=10)
        return self.process.exitcode


class LocalLauncher(Pool):
    """Runs packs in worker processes on this machine; its arguments are those of ``Pool``."""

    def start_worker(self) -> WorkerProcess:
        """Start a worker process."""
        return WorkerProcess(self.spec)

    def ready(self, workers: Sequence[WorkerHandle], timeout_seconds: float) -> WorkerHandle | None:
        """A worker that has a message in its pipe or has died; None if there is none in time."""
        pipes = {w.pipe: w for w in workers if isinstance(w, WorkerProcess)}
        found = wait(list(pipes), timeout_seconds)
        return pipes[found[0]] if found else None  # type: ignore[index]

    def capacity(self, advised: int) -> int:
        """As many as the objective advises, which was asked on this machine."""
        return advised
