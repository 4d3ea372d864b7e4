"""What a launcher says to the driver, and what the driver may ask of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from sweep.trial import Pack, TrialResult


@dataclass(frozen=True)
class Reported:
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
class Finished:
    """A pack is done, its worker free.

    Attributes:
        results: one per trial of the pack.
    """

    results: Sequence[TrialResult]


@dataclass(frozen=True)
class Broken:
    """The objective cannot be built or used at all; no trial could succeed.

    Attributes:
        error: what to raise.
    """

    error: Exception


Event = Reported | Finished | Broken


class Launcher(Protocol):
    """Computes packs somewhere."""

    def free(self) -> int:
        """How many packs could start now."""
        ...

    def submit(self, pack: Pack) -> None:
        """Start a pack on a free worker."""
        ...

    def next_event(self, timeout_seconds: float) -> Event | None:
        """Wait for the next event; None when none came in time."""
        ...

    def call_away(self) -> None:
        """Ask all trials under way to checkpoint and leave."""
        ...

    def close(self) -> None:
        """Stop all workers now."""
        ...
