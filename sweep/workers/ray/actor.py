"""A Ray actor that serves the driver as a local worker process does."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Any

import ray

from sweep.errors import SweepError
from sweep.files.location import register_alias
from sweep.study.source import put_last
from sweep.workers.ray.archive import InputArchive
from sweep.workers.ray.inputs import ArchiveRef, take
from sweep.workers.worker import serve

LACKS = "lacks"
"""Tag of an actor's first message, with the names of inputs that its node lacks."""

GONE = ("gone",)
"""An actor's last message: its objective could not be built, or its thread ended."""


class _Ends:
    """The worker's ends of two queues, with the interface of the pipe that ``serve`` takes."""

    def __init__(self, said: SimpleQueue[Any], heard: SimpleQueue[Any]) -> None:
        self._said = said
        self._heard = heard

    def send(self, message: Any) -> None:
        """Queue a message for the driver."""
        self._said.put(message)

    def recv(self) -> Any:
        """The driver's next message; blocks until there is one."""
        return self._heard.get()


@dataclass(frozen=True)
class Work:
    """What an actor needs to build its objective.

    Attributes:
        objective: dotted name of the objective.
        settings: its settings.
        inputs: the study's inputs by name: paths or names on a hub.
        archives: the files of those inputs that are paths on the driver's machine.
        folders: the driver's ``sys.path``; appended to the worker's.
    """

    objective: str
    settings: Mapping[str, Any]
    inputs: Mapping[str, str]
    archives: Mapping[str, InputArchive]
    folders: Sequence[str] = ()


class WorkerActor:
    """Builds an objective and serves calls in a thread of its own.

    The actor's methods stay free to carry messages meanwhile: reports are sent, and answers and
    requests to stop arrive, while a pack runs.

    Args:
        work: the objective to build, with settings and inputs.
    """

    def __init__(self, work: Work) -> None:
        self._said: SimpleQueue[Any] = SimpleQueue()
        self._heard: SimpleQueue[Any] = SimpleQueue()
        self._shipped: SimpleQueue[list[ArchiveRef]] = SimpleQueue()
        self._away = threading.Event()
        threading.Thread(target=self._live, args=(work,), daemon=True).start()

    def _live(self, work: Work) -> None:
        ends = _Ends(self._said, self._heard)
        for folder in work.folders:
            put_last(folder)
        try:
            places = self._places(work.archives)
            register_alias({place: work.inputs[name] for name, place in places.items()})
            inputs = {**work.inputs, **places}
            serve(ends, self._away.is_set, work.objective, work.settings, inputs)
        except SweepError as error:
            ends.send(("error", error))
        finally:
            self._said.put(GONE)

    def _places(self, archives: Mapping[str, InputArchive]) -> dict[str, str]:
        """The paths of the inputs on this node: the driver's paths, or local copies."""
        lacking = [name for name, archive in archives.items() if not archive.is_here()]
        places = {name: str(archives[name].path) for name in archives if name not in lacking}
        if not lacking:
            return places
        self._said.put((LACKS, lacking))
        return places | take(archives, self._shipped.get())

    def ship(self, *shipments: ArchiveRef) -> None:
        """Receive references to the inputs that the node lacks."""
        self._shipped.put(list(shipments))

    def send(self, message: Any) -> None:
        """Receive a message from the driver."""
        self._heard.put(message)

    def receive(self) -> Any:
        """The next message for the driver; blocks until there is one."""
        return self._said.get()

    def place(self) -> str:
        """The node and the accelerators assigned to this actor."""
        context: Any = ray.get_runtime_context()
        own = [f"{kind} {','.join(i)}" for kind, i in context.get_accelerator_ids().items() if i]
        return " ".join([f"node {context.get_node_id()[:12]}", *own])

    def request_stop(self) -> None:
        """Ask the running trials to checkpoint and stop."""
        self._away.set()
