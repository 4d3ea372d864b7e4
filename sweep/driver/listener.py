"""Progress events of a sweep: the listener protocol, and a listener that ignores them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from sweep.study.space import Space


def label(space: Space, values: Mapping[str, Any]) -> str:
    """A configuration as short text, with target module sets by their short names."""
    short = space.labels()
    return " ".join(
        f"{name}={short.get(str(value), value)}"
        if not isinstance(value, float)
        else f"{name}={value:.3g}"
        for name, value in values.items()
    )


class ProgressListener(Protocol):
    """Receives progress events, for example to draw a progress bar."""

    def started(self, number: int, label: str) -> None:
        """A trial started."""
        ...

    def reported(self, number: int, step: int, value: float) -> None:
        """A trial reported an intermediate value."""
        ...

    def finished(
        self, state: str, number: int, value: float | None, reason: str | None, seconds: float
    ) -> None:
        """A trial finished."""
        ...


class NullListener:
    """A ``ProgressListener`` that ignores all events, for scripts and tests."""

    def started(self, number: int, label: str) -> None:
        """Ignore the event."""

    def reported(self, number: int, step: int, value: float) -> None:
        """Ignore the event."""

    def finished(
        self, state: str, number: int, value: float | None, reason: str | None, seconds: float
    ) -> None:
        """Ignore the event."""
