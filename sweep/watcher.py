"""Who is told what happens in a sweep: a progress bar, a diary, nobody."""

from __future__ import annotations

from typing import Protocol


class Watcher(Protocol):
    """Who is told what happens (a progress bar)."""

    def started(self, number: int, label: str) -> None:
        """A trial began."""
        ...

    def reported(self, number: int, step: int, value: float) -> None:
        """A trial came to an evaluation point."""
        ...

    def finished(
        self, state: str, number: int, value: float | None, reason: str | None, seconds: float
    ) -> None:
        """A trial ended."""
        ...
