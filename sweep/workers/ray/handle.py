"""The driver's handle of one Ray actor."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from typing import Any

import ray
from ray.exceptions import GetTimeoutError, RayActorError, RayError

from sweep.study.spec import StudySpec
from sweep.study.trial import INTERRUPTED, WORKER_DIED, Failure
from sweep.workers.handle import WorkerHandle
from sweep.workers.ray.actor import GONE, LACKS, Work, WorkerActor
from sweep.workers.ray.inputs import InputStore

CONCURRENT = 4
"""Concurrent calls of an actor's methods: one waits for a message, the others deliver some."""

NO_PLACE = "node has died before it began"
"""Why an actor failed that was never placed because its node died."""

_NODE = ("node has died", "node died", "preempted", "is unavailable")
"""Words in Ray's messages when an actor's node is dead or unreachable."""

_OOM = ("OutOfMemory", "OOM", "out of memory", "memory monitor", "SIGKILL")


class RayWorker(WorkerHandle):
    """One Ray actor.

    Args:
        spec: names the objective, its settings and inputs.
        needs: the resources of the actor, under Ray's names.
        store: holds the inputs for nodes that lack them.

    Attributes:
        next: Ray's reference to its next message.
    """

    def __init__(self, spec: StudySpec, needs: Mapping[str, float], store: InputStore) -> None:
        super().__init__()
        self._store = store
        own = {name: n for name, n in needs.items() if name not in ("CPU", "GPU", "memory")}
        options = {
            "num_cpus": needs.get("CPU", 0),
            "num_gpus": needs.get("GPU", 0),
            "memory": needs.get("memory"),
            "resources": own or None,
            "max_concurrency": CONCURRENT,
            "max_restarts": 0,  # the driver decides about retries
        }
        made: Any = ray.remote(WorkerActor).options(**options)
        folders = tuple(filter(None, sys.path))  # for objectives outside Python's default path
        inputs = dict(spec.inputs)
        work = Work(spec.objective, dict(spec.settings), inputs, store.archives, folders)
        self._actor: Any = made.remote(work)
        self._up = self._actor.__ray_ready__.remote()
        self._death = ""
        self._born = time.monotonic()
        self.next = self._actor.receive.remote()
        self._where = self._actor.place.remote()
        self._place = ""

    def place(self) -> str:
        """The node and its accelerators; empty while the actor has not been placed."""
        if not self._place and not self._death and self.up():
            try:
                self._place = ray.get(self._where)
            except RayError:
                return ""  # died before it answered
        return self._place

    def alive(self) -> bool:
        """Whether it is not known to be dead."""
        return not self._death

    def age(self) -> float:
        """Seconds since it was requested."""
        return time.monotonic() - self._born

    def up(self) -> bool:
        """Whether it has been placed and is running."""
        return bool(ray.wait([self._up], timeout=0)[0])

    def give_up(self, why: str) -> None:
        """Kill the actor and record why."""
        self._death = why
        ray.kill(self._actor)

    def send(self, message: object) -> None:
        """Send a message; the worker answers before it is sent another, so order is kept."""
        self._actor.send.remote(message)

    def has_news(self) -> bool:
        """Whether its next message, which has arrived, is for the driver, or answered here.

        Raises:
            SweepError: if an input that it lacks can no longer be read.
        """
        try:
            said: tuple[Any, ...] = () if self._death else ray.get(self.next)
        except RayError:
            return True  # receive() raises it
        if said[:1] != (LACKS,):
            return True
        self._actor.ship.remote(*(self._store.ship(name) for name in said[1]))
        self.next = self._actor.receive.remote()
        return False

    def receive(self) -> tuple[Any, ...]:
        """Its next message.

        Raises:
            EOFError: if the actor is dead or unreachable.
        """
        if self._death:
            raise EOFError(self._death)
        try:
            said: tuple[Any, ...] = ray.get(self.next)
        except RayError as error:  # unreachable counts as dead: messages may be lost
            self.give_up(str(error))
            raise EOFError(self._death) from error
        if said == GONE:
            self._death = "its objective is gone"
            raise EOFError(self._death)
        self.next = self._actor.receive.remote()
        return said

    def request_stop(self) -> None:
        """Ask its trials to checkpoint and stop."""
        self._actor.request_stop.remote()

    def stop(self) -> None:
        """Kill the actor."""
        self.give_up("it was stopped")

    def shutdown(self) -> None:
        """Kill the actor."""
        ray.kill(self._actor)

    def join(self) -> None:
        """Wait until it has ended, for 10 s at most."""
        try:
            ray.get(self._actor.__ray_ready__.remote(), timeout=10)
        except (RayActorError, GetTimeoutError):
            return

    def exit_failure(self) -> Failure:
        """Why the actor ended, as Ray reports it; the death of its node is an interruption."""
        said = " ".join(self._death.split()) or "nothing was heard of it"
        if any(words in said for words in _NODE):
            return Failure(INTERRUPTED, "NodeDied", f"its node is gone: {said[:500]}")
        return Failure(WORKER_DIED, "WorkerDied", f"the Ray actor ended: {said[:500]}")

    def oom_killed(self) -> bool:
        """Whether memory may be the cause; Ray lists it for actors that died without a message."""
        return any(word in self._death for word in _OOM)
