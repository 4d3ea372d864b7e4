"""A worker in the driver's own process, for functions that no other process can import.

The worker's code runs in a greenlet: it has its own stack in the same thread, and it and the driver
take turns where the one waits for a message of the other. So a trial sees its caller's variables,
and Ctrl-C raises KeyboardInterrupt in it.
"""

from __future__ import annotations

import contextvars
from collections import deque
from collections.abc import Sequence
from typing import Any

from greenlet import getcurrent, greenlet

from sweep.study.objective import ObjectiveFactory
from sweep.study.spec import StudySpec
from sweep.study.trial import WORKER_DIED, Failure
from sweep.workers.handle import WorkerHandle
from sweep.workers.pool import Pool
from sweep.workers.worker import serve


class _Channel:
    """Messages between the worker and the driver, whose greenlet is the one that makes it."""

    def __init__(self) -> None:
        self.driver = getcurrent()
        self.asked: deque[Any] = deque()
        self.said: deque[Any] = deque()

    def send(self, message: Any) -> None:
        """Send a message to the driver."""
        self.said.append(message)

    def recv(self) -> Any:
        """The driver's next message; the driver runs until there is one."""
        while not self.asked:
            self.driver.switch()
        return self.asked.popleft()


class InProcessWorker(WorkerHandle):
    """The worker of this process.

    Args:
        spec: has the settings and inputs.
        build: builds the objective.
    """

    def __init__(self, spec: StudySpec, build: ObjectiveFactory) -> None:
        super().__init__()
        self._leaving = False
        self._channel = channel = _Channel()
        arguments = channel, lambda: self._leaving, build, spec.settings, spec.inputs
        self._worker = greenlet(lambda: serve(*arguments))
        self._worker.gr_context = contextvars.copy_context()

    def ready(self) -> bool:
        """Whether it has a message or has ended, after it has run until it waits for one."""
        if not self._channel.said and self.alive():
            self._worker.switch()
        return bool(self._channel.said) or not self.alive()

    def alive(self) -> bool:
        """Whether it can accept a message."""
        return not self._worker.dead

    def send(self, message: object) -> None:
        """Send a message."""
        self._channel.asked.append(message)

    def receive(self) -> tuple[Any, ...]:
        """The worker's next message.

        Raises:
            EOFError: if there is none and it has ended.
        """
        if not self._channel.said:
            raise EOFError
        said: tuple[Any, ...] = self._channel.said.popleft()
        return said

    def request_stop(self) -> None:
        """Ask its trials to stop at their next report."""
        self._leaving = True

    def stop(self) -> None:
        """End the running trial where it waits for the driver; its ``finally`` clauses run."""
        if self.alive():
            self._worker.throw()

    def shutdown(self) -> None:
        """End it."""
        self.stop()

    def join(self) -> None:
        """Nothing to wait for."""

    def exit_failure(self) -> Failure:
        """That it has ended."""
        return Failure(WORKER_DIED, "WorkerDied", "the trial was ended in this process")

    def oom_killed(self) -> bool:
        """Never: the process would be gone."""
        return False


class InProcessLauncher(Pool):
    """Runs trials in this process, one after another.

    Args:
        spec: has the objective's settings and inputs.
        build: builds the objective.
    """

    def __init__(self, spec: StudySpec, build: ObjectiveFactory) -> None:
        super().__init__(spec)
        self._build = build

    def start_worker(self) -> InProcessWorker:
        """Start a worker."""
        return InProcessWorker(self.spec, self._build)

    def ready(self, workers: Sequence[WorkerHandle], timeout_seconds: float) -> WorkerHandle | None:
        """The worker that has a message; blocks while it computes."""
        del timeout_seconds
        found = (w for w in workers if isinstance(w, InProcessWorker) and w.ready())
        return next(found, None)

    def capacity(self, advised: int) -> int:
        """One: the process has one main thread."""
        del advised
        return 1
