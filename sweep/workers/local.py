"""One worker process on this machine: its pipes, and how it ended."""

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
    """One process.

    Args:
        spec: names the objective, its settings and inputs.
    """

    def __init__(self, spec: StudySpec) -> None:
        super().__init__()
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

    def alive(self) -> bool:
        """Whether the process runs."""
        return self.process.is_alive()

    def send(self, message: object) -> None:
        """Send it something; of one that died meanwhile, the next event will tell."""
        with contextlib.suppress(OSError):
            self.pipe.send(message)

    def receive(self) -> tuple[Any, ...]:
        """What it says; waits for it."""
        said: tuple[Any, ...] = self.pipe.recv()
        return said

    def request_stop(self) -> None:
        """Ask its trials to leave; it is not used again."""
        with contextlib.suppress(OSError):
            self._call.send(None)

    def stop(self) -> None:
        """Kill it: code that never returns to Python hears of nothing else."""
        self.process.kill()

    def shutdown(self) -> None:
        """Close both pipes: an idle worker reads the end of file and leaves by itself."""
        self.pipe.close()
        self._call.close()
        if self.busy:
            self.process.kill()  # signals that can be ignored are

    def join(self) -> None:
        """Wait until the process is, and see to it."""
        self.process.join(timeout=10)
        if self.process.is_alive():
            self.process.kill()

    def exit_failure(self) -> Failure:
        """Why the process is gone, as far as its exit code tells."""
        code = self.exit_code()
        if code == -signal.SIGBUS:
            why = "a file that it reads was cut short, or its disk cannot be read"
            return Failure(INTERRUPTED, INPUT_AWAY, f"a worker was killed by SIGBUS: {why}")
        if code is not None and code < 0:
            how = f"killed by {signal.Signals(-code).name}"
            hint = "; the kernel does so when memory runs out" if self.oom_killed() else ""
        else:
            how, hint = f"exit code {code}", ""
        return Failure(WORKER_DIED, "WorkerDied", f"the worker process ended: {how}{hint}")

    def oom_killed(self) -> bool:
        """Whether it ended as the kernel ends who has too much memory."""
        return self.exit_code() == -signal.SIGKILL

    def exit_code(self) -> int | None:
        """How the process ended, which is about to."""
        self.process.join(timeout=10)
        return self.process.exitcode


class LocalLauncher(Pool):
    """Runs packs in worker processes.

    Args:
        spec: names the objective, its settings and inputs.
        workers: how many processes to use; they start when first needed.
        lanes: how many trials one of them runs together.
    """

    def __init__(self, spec: StudySpec, workers: int = 1, lanes: int = 1) -> None:
        super().__init__(spec, workers, lanes)

    def hire(self) -> WorkerProcess:
        """Start a process."""
        return WorkerProcess(self.spec)

    def ready(self, workers: Sequence[WorkerHandle], timeout_seconds: float) -> WorkerHandle | None:
        """A worker with something in its pipe, or at its end."""
        pipes = {w.pipe: w for w in workers if isinstance(w, WorkerProcess)}
        found = wait(list(pipes), timeout_seconds)
        return pipes[found[0]] if found else None  # type: ignore[index]

    def capacity(self, advised: int) -> int:
        """As many as the objective advises: it was asked on this machine."""
        return advised
