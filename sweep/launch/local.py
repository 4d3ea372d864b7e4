"""Worker processes on this machine, each with the objective built once.

Processes rather than threads: a trial that takes its process down takes nothing
else, and one single-threaded worker per core does more trials per hour than one
worker on all cores.
"""

from __future__ import annotations

from collections.abc import Sequence
from multiprocessing.connection import wait

from sweep.launch.hired import Hired
from sweep.launch.pool import Pool
from sweep.launch.process import WorkerProcess
from sweep.spec import StudySpec


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

    def ready(self, workers: Sequence[Hired], timeout_seconds: float) -> Hired | None:
        """A worker with something in its pipe, or at its end."""
        pipes = {w.pipe: w for w in workers if isinstance(w, WorkerProcess)}
        found = wait(list(pipes), timeout_seconds)
        return pipes[found[0]] if found else None  # type: ignore[index]

    def room(self, advised: int) -> int:
        """As many as the objective advises: it was asked on this machine."""
        return advised
