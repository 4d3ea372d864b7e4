"""A worker on a Ray cluster: an actor that serves the driver as a worker process does."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Any

import ray

from sweep.errors import SweepError
from sweep.files.input_aliases import register_alias
from sweep.study.source import put_last
from sweep.workers.ray.archive import InputArchive
from sweep.workers.ray.inputs import ArchiveRef, take
from sweep.workers.worker import serve

LACKS = "lacks"
"""What an actor says first, with names, when its node does not have inputs as the driver has."""

GONE = ("gone",)
"""The last thing that an actor says: its objective could not be built, or its thread ended."""


class _Ends:
    """The worker's ends of the two queues, as the pipe that ``serve`` wants."""

    def __init__(self, said: SimpleQueue[Any], heard: SimpleQueue[Any]) -> None:
        self._said = said
        self._heard = heard

    def send(self, message: Any) -> None:
        """Leave something for the driver to fetch."""
        self._said.put(message)

    def recv(self) -> Any:
        """Wait for what the driver says next."""
        return self._heard.get()


@dataclass(frozen=True)
class Work:
    """What an actor computes, sent to it.

    Attributes:
        objective: dotted name.
        settings: its settings.
        inputs: where its inputs are.
        parcels: what those of them hold that are paths of the driver's.
        folders: where the driver's Python looks for modules; a worker looks there last.
    """

    objective: str
    settings: Mapping[str, Any]
    inputs: Mapping[str, str]
    parcels: Mapping[str, InputArchive]
    folders: Sequence[str] = ()


class WorkerActor:
    """Builds an objective and serves calls in a thread of its own.

    The actor's methods stay free to carry messages meanwhile: reports come out and answers, and
    calls to leave, come in while a pack runs.

    Args:
        work: what it is there for.
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
            places = self._places(work.parcels)
            register_alias({place: work.inputs[name] for name, place in places.items()})
            inputs = {**work.inputs, **places}
            serve(ends, self._away.is_set, work.objective, work.settings, inputs)
        except SweepError as error:
            ends.send(("error", error))
        finally:
            self._said.put(GONE)

    def _places(self, parcels: Mapping[str, InputArchive]) -> dict[str, str]:
        """Where inputs are on this node: where the driver has them, or copies.

        Raises:
            SweepError: if no copy can be made.
        """
        lacking = [name for name, parcel in parcels.items() if not parcel.is_here()]
        places = {name: str(parcels[name].path) for name in parcels if name not in lacking}
        if not lacking:
            return places
        self._said.put((LACKS, lacking))
        return places | take(parcels, self._shipped.get())

    def ship(self, *shipments: ArchiveRef) -> None:
        """Take what the node lacks."""
        self._shipped.put(list(shipments))

    def send(self, message: Any) -> None:
        """Take a message of the driver's."""
        self._heard.put(message)

    def receive(self) -> Any:
        """The next message for the driver; waits for one."""
        return self._said.get()

    def place(self) -> str:
        """The node and its accelerators that this actor has."""
        context: Any = ray.get_runtime_context()
        own = [f"{kind} {','.join(i)}" for kind, i in context.get_accelerator_ids().items() if i]
        return " ".join([f"node {context.get_node_id()[:12]}", *own])

    def request_stop(self) -> None:
        """Ask the trials under way to leave."""
        self._away.set()
