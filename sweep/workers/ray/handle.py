"""One actor of a Ray cluster as the driver sees it."""

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
"""Calls that an actor takes at once: one waits for a message, others bring some."""

NO_PLACE = "node has died before it began"
"""What is said of an actor that waited for a place which went."""

_NODE = ("node has died", "node died", "preempted", "is unavailable")
"""What Ray says of an actor whose node is gone or out of reach."""

_OOM = ("OutOfMemory", "OOM", "out of memory", "memory monitor", "SIGKILL")


class RayWorker(WorkerHandle):
    """One actor.

    Args:
        spec: see ``RayLauncher``.
        needs: what it takes, under Ray's names.
        depot: has the inputs for nodes that lack them.

    Attributes:
        next: Ray's reference to its next message.
    """

    def __init__(self, spec: StudySpec, needs: Mapping[str, float], depot: InputStore) -> None:
        super().__init__()
        self._depot = depot
        own = {name: n for name, n in needs.items() if name not in ("CPU", "GPU", "memory")}
        options = {
            "num_cpus": needs.get("CPU", 0),
            "num_gpus": needs.get("GPU", 0),
            "memory": needs.get("memory"),
            "resources": own or None,
            "max_concurrency": CONCURRENT,
            "max_restarts": 0,  # the driver decides what runs again
        }
        made: Any = ray.remote(WorkerActor).options(**options)
        folders = tuple(filter(None, sys.path))  # a study may lie where Python does not look
        inputs = dict(spec.inputs)
        work = Work(spec.objective, dict(spec.settings), inputs, depot.parcels, folders)
        self._actor: Any = made.remote(work)
        self._up = self._actor.__ray_ready__.remote()
        self._death = ""
        self._born = time.monotonic()
        self.next = self._actor.receive.remote()
        self._where = self._actor.place.remote()
        self._place = ""

    def place(self) -> str:
        """The node and its accelerators; nothing while it has none."""
        if not self._place and not self._death and self.up():
            try:
                self._place = ray.get(self._where)
            except RayError:
                return ""  # gone before it said so
        return self._place

    def alive(self) -> bool:
        """Whether nothing has been heard of its death."""
        return not self._death

    def age(self) -> float:
        """Seconds since it was hired."""
        return time.monotonic() - self._born

    def up(self) -> bool:
        """Whether it has a place and runs."""
        return bool(ray.wait([self._up], timeout=0)[0])

    def give_up(self, why: str) -> None:
        """Count on it no more; it computes no more either."""
        self._death = why
        ray.kill(self._actor)

    def send(self, message: object) -> None:
        """Send it something; it answers before it is sent more, so nothing can overtake."""
        self._actor.send.remote(message)

    def has_news(self) -> bool:
        """Whether its message, which has come, is for the driver; a wish for inputs is met here.

        Raises:
            SweepError: if an input that it lacks cannot be read any more.
        """
        try:
            said: tuple[Any, ...] = () if self._death else ray.get(self.next)
        except RayError:
            return True  # hear() tells
        if said[:1] != (LACKS,):
            return True
        self._actor.ship.remote(*(self._depot.ship(name) for name in said[1]))
        self.next = self._actor.receive.remote()
        return False

    def receive(self) -> tuple[Any, ...]:
        """Its next message."""
        if self._death:
            raise EOFError(self._death)
        try:
            said: tuple[Any, ...] = ray.get(self.next)
        except RayError as error:  # out of reach is as good as gone: a message may be lost
            self.give_up(str(error))
            raise EOFError(self._death) from error
        if said == GONE:
            self._death = "its objective is gone"
            raise EOFError(self._death)
        self.next = self._actor.receive.remote()
        return said

    def request_stop(self) -> None:
        """Ask its trials to leave."""
        self._actor.request_stop.remote()

    def stop(self) -> None:
        """Kill the actor."""
        self.give_up("it was stopped")

    def shutdown(self) -> None:
        """Kill it."""
        ray.kill(self._actor)

    def join(self) -> None:
        """Wait until it is."""
        try:
            ray.get(self._actor.__ray_ready__.remote(), timeout=10)
        except (RayActorError, GetTimeoutError):
            return

    def exit_failure(self) -> Failure:
        """Why Ray says it ended, on one line.

        A node that went, pre-empted or lost, took trials with it that are not to blame.
        """
        said = " ".join(self._death.split()) or "nothing was heard of it"
        if any(words in said for words in _NODE):
            return Failure(INTERRUPTED, "NodeDied", f"its node is gone: {said[:500]}")
        return Failure(WORKER_DIED, "WorkerDied", f"the Ray actor ended: {said[:500]}")

    def oom_killed(self) -> bool:
        """Whether memory may have been why; Ray names that among the causes of a silent end."""
        return any(word in self._death for word in _OOM)
