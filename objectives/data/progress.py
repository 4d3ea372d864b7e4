"""Progress of work on many chains, on a terminal alone."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")

FROM_CHAINS = 20_000
"""With fewer it is over before anybody wonders."""


def shown_progress(items: Iterable[T], total: int, what: str, *, chains: int) -> Iterator[T]:
    """Hand items on, with a bar where someone can see it and it takes long enough.

    Args:
        items: to hand on.
        total: how many there are.
        what: is done with them.
        chains: how many they stand for.
    """
    if chains < FROM_CHAINS or not sys.stderr.isatty():
        yield from items
        return
    from rich.progress import track

    from sweep.terminal.console import make_console

    console = make_console(sys.stderr)
    yield from track(items, what, total, console=console, transient=True)
