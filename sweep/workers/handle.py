"""The driver's handle of one worker: its pack, its lanes and the channel to it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

from sweep.study.objective import ObjectiveInfo
from sweep.study.trial import Failure, Pack, TrialParams


class WorkerHandle(ABC):
    """One worker and the trials submitted to it.

    Attributes:
        busy: whether a pack is running; all its trials may have finished already.
        trials: the unfinished trials of the pack, by number.
        closed: whether no further trial may join the pack.
        waiting: the trials of the pack that have no lane yet.
        facts: what its objective reports of its device and inputs; None before it was asked.
        stopped: whether it was killed because its trials did not stop in time.
    """

    def __init__(self) -> None:
        self.busy = False
        self.trials: dict[int, TrialParams] = {}
        self.closed = False
        self.waiting: list[TrialParams] = []
        self.facts: ObjectiveInfo | None = None
        self.stopped = False

    def assign(self, pack: Pack, *, closed: bool) -> None:
        """Set the pack that it computes next; ``start`` starts it."""
        self.busy, self.closed = True, closed
        self.trials = {params.number: params for params in pack}
        self.waiting = list(pack)

    def start(self, lanes: int) -> None:
        """Start as many waiting trials as it has lanes; the others follow as lanes become free."""
        pack, self.waiting = self.waiting[:lanes], self.waiting[lanes:]
        self.send(("run", pack))

    def extend(self, more: Sequence[TrialParams]) -> None:
        """Add trials to the pack, waiting for a lane."""
        self.trials.update({params.number: params for params in more})
        self.waiting += more

    def refill_waiting(self, _: TrialParams | None) -> None:
        """Start the next waiting trial in the lane of a finished one."""
        self.send(self.waiting.pop(0))

    def place(self) -> str:
        """The name of the device that it computes on; empty if the pool has one device."""
        return ""

    def refill(self, params: TrialParams | None) -> None:
        """Start a trial, or none, in the lane of a finished one."""
        if params is not None:
            self.trials[params.number] = params
        self.send(params)

    @abstractmethod
    def alive(self) -> bool:
        """Whether it can accept a message."""

    @abstractmethod
    def send(self, message: object) -> None:
        """Send a message; if the worker has died, the next event reports it."""

    @abstractmethod
    def receive(self) -> tuple[Any, ...]:
        """The worker's next message, once ``Pool.ready`` has returned the worker.

        Raises:
            EOFError, OSError: if it is dead and all its messages have been read.
        """

    @abstractmethod
    def request_stop(self) -> None:
        """Ask its trials to checkpoint and stop; the worker is not used again."""

    @abstractmethod
    def stop(self) -> None:
        """Kill it at any point; its death is reported as an event, like any other."""

    @abstractmethod
    def shutdown(self) -> None:
        """End it: an idle worker exits by itself, a busy one is killed."""

    @abstractmethod
    def join(self) -> None:
        """Wait until it has exited."""

    @abstractmethod
    def exit_failure(self) -> Failure:
        """Why it died, as far as is known."""

    @abstractmethod
    def oom_killed(self) -> bool:
        """Whether it ended as processes do that the kernel kills for lack of memory."""
