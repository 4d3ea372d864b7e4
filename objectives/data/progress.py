"""Progress bar for work on many chains, shown only on a terminal."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")

FROM_CHAINS = 20_000
"""Least number of chains for which a bar is shown; fewer take only moments."""


def shown_progress(items: Iterable[T], total: int, what: str, *, chains: int) -> Iterator[T]:
    """Yield the items, with a progress bar if standard error is a terminal and chains are many.

    Args:
        items: what to iterate over.
        total: number of items.
        what: label of the bar.
        chains: number of chains that all items contain.
    """
    if chains < FROM_CHAINS or not sys.stderr.isatty():
        yield from items
        return
    from rich.progress import track

    from sweep.terminal.console import make_console

    console = make_console(sys.stderr)
    yield from track(items, what, total, console=console, transient=True)
