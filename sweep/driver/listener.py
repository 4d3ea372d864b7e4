"""Who is told what happens in a sweep: a progress bar, a diary, nobody."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from sweep.study.space import Space


def label(space: Space, values: Mapping[str, Any]) -> str:
    """A configuration in a few words, target sets by their short names."""
    short = space.labels()
    return " ".join(
        f"{name}={short.get(str(value), value)}"
        if not isinstance(value, float)
        else f"{name}={value:.3g}"
        for name, value in values.items()
    )


class ProgressListener(Protocol):
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


class NullListener:
    """A ``ProgressListener`` for sweeps that nobody looks at: a script's, a test's."""

    def started(self, number: int, label: str) -> None:
        """Nothing to show."""

    def reported(self, number: int, step: int, value: float) -> None:
        """Nothing to show."""

    def finished(
        self, state: str, number: int, value: float | None, reason: str | None, seconds: float
    ) -> None:
        """Nothing to show."""
