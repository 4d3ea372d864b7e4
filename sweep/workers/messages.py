"""What a launcher says to the driver, and what the driver may ask of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from sweep.study.trial import Failure, Pack, TrialParams, TrialResult


@dataclass(frozen=True)
class TrialReported:
    """A trial came to an evaluation point and waits for the answer.

    Attributes:
        number: the trial's number.
        step: optimiser steps done.
        value: the objective so far.
        metrics: other figures at this point.
        answer: call with True to stop the trial, False to let it go on.
    """

    number: int
    step: int
    value: float
    metrics: Mapping[str, float]
    answer: Callable[[bool], None]


@dataclass(frozen=True)
class TrialFinished:
    """A trial is over, and its worker waits for one in its place.

    Attributes:
        result: what it yielded.
        room: whether the worker is to have another.
        answer: call with that, or with None to leave the place empty.
    """

    result: TrialResult
    room: bool
    answer: Callable[[TrialParams | None], None]


@dataclass(frozen=True)
class SlotsFree:
    """A worker is about to start a pack, and has lanes for more trials than are in it.

    Attributes:
        lanes: how many more.
        answer: call with those that are to join, which may be none; then the pack starts.
    """

    lanes: int
    answer: Callable[[Sequence[TrialParams]], None]


@dataclass(frozen=True)
class PackFinished:
    """A pack is done, its worker free.

    Attributes:
        results: of its trials that were not settled before.
    """

    results: Sequence[TrialResult]


@dataclass(frozen=True)
class WorkerDied:
    """A worker ended by itself, or was ended, and took its trials with it.

    Attributes:
        pack: the trials that it had then; those that had settled are not among them.
        failure: how it ended.
    """

    pack: Pack
    failure: Failure


@dataclass(frozen=True)
class ObjectiveFailed:
    """The objective cannot be built or used at all; no trial could succeed.

    Attributes:
        error: what to raise.
    """

    error: Exception


Event = TrialReported | TrialFinished | SlotsFree | PackFinished | WorkerDied | ObjectiveFailed


class Launcher(Protocol):
    """Computes packs somewhere.

    Attributes:
        workers: how many packs at a time.
        lanes: how many trials in one of them; fewer once a pack was too large for the memory.
            A launcher whose workers differ has each start as many as suit its own device.
    """

    workers: int
    lanes: int

    def free(self) -> int:
        """How many packs could start now."""
        ...

    def busy(self) -> bool:
        """Whether any pack is under way."""
        ...

    def submit(self, pack: Pack, *, closed: bool = False) -> None:
        """Start a pack on a free worker; into a closed one no trial follows."""
        ...

    def drain_one(self) -> None:
        """See to it that a worker comes free: nothing follows into its pack."""
        ...

    def next_event(self, timeout_seconds: float) -> Event | None:
        """Wait for the next event; None when none came in time."""
        ...

    def request_stop(self) -> None:
        """Ask all trials under way to checkpoint and leave."""
        ...

    def close(self) -> None:
        """Stop all workers now."""
        ...
