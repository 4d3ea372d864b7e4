"""One worker as the driver sees it: what it has to do, and how it is spoken with."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

from sweep.study.objective import ObjectiveInfo
from sweep.study.trial import Failure, Pack, TrialParams


class WorkerHandle(ABC):
    """One worker and the trials it has.

    Attributes:
        busy: whether a pack is under way; its last trial may have settled already.
        trials: the trials of the pack that are not over, by number.
        closed: whether no trial is to follow into the pack.
        waiting: those of its trials for which it has no lane yet.
        facts: what its objective said of its device and inputs; None before it was asked.
        stopped: whether it was stopped because its trials did not leave in time.
    """

    def __init__(self) -> None:
        self.busy = False
        self.trials: dict[int, TrialParams] = {}
        self.closed = False
        self.waiting: list[TrialParams] = []
        self.facts: ObjectiveInfo | None = None
        self.stopped = False

    def assign(self, pack: Pack, *, closed: bool) -> None:
        """Have it be the one that computes a pack, once it is told to start."""
        self.busy, self.closed = True, closed
        self.trials = {params.number: params for params in pack}
        self.waiting = list(pack)

    def start(self, lanes: int) -> None:
        """Have it compute as many of its waiting trials as it has lanes; the others follow."""
        pack, self.waiting = self.waiting[:lanes], self.waiting[lanes:]
        self.send(("run", pack))

    def extend(self, more: Sequence[TrialParams]) -> None:
        """Have trials wait for it beside those of its pack."""
        self.trials.update({params.number: params for params in more})
        self.waiting += more

    def refill_waiting(self, _: TrialParams | None) -> None:
        """Answer a trial that settled with the next that waits."""
        self.send(self.waiting.pop(0))

    def place(self) -> str:
        """Names the device that it computes on among those of the pool."""
        return ""

    def refill(self, params: TrialParams | None) -> None:
        """Answer a trial that settled with the one in its place."""
        if params is not None:
            self.trials[params.number] = params
        self.send(params)

    @abstractmethod
    def alive(self) -> bool:
        """Whether it can be given something to do."""

    @abstractmethod
    def send(self, message: object) -> None:
        """Send it something; of one that died meanwhile, the next event will tell."""

    @abstractmethod
    def receive(self) -> tuple[Any, ...]:
        """What it says, once it is ready.

        Raises:
            EOFError, OSError: if it is gone and has said all it had to say.
        """

    @abstractmethod
    def request_stop(self) -> None:
        """Ask its trials to leave; it is not used again."""

    @abstractmethod
    def stop(self) -> None:
        """End it in the middle of whatever it does; its end is heard like any other death."""

    @abstractmethod
    def shutdown(self) -> None:
        """End it: an idle one leaves by itself, a busy one is stopped."""

    @abstractmethod
    def join(self) -> None:
        """Wait until it is."""

    @abstractmethod
    def exit_failure(self) -> Failure:
        """Why it is gone, as far as can be told."""

    @abstractmethod
    def oom_killed(self) -> bool:
        """Whether it ended as those end who have too much memory."""
