"""A bar of bytes as they arrive."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

from rich.progress import BarColumn, DownloadColumn, Progress, TransferSpeedColumn

from sweep.console import make_console


@contextmanager
def byte_bar(total: int, stream: TextIO | None = None) -> Iterator[Callable[[int], None]]:
    """Show on a terminal how far a download is; elsewhere nothing.

    Args:
        total: bytes in all.
        stream: where to show it; stderr when None.

    Yields:
        To be called with how many bytes were added since the last call; fewer than none
        where some were thrown away.
    """
    console = make_console(sys.stderr if stream is None else stream)
    if not console.is_terminal:
        yield lambda _: None
        return
    columns = BarColumn(bar_width=30), DownloadColumn(), TransferSpeedColumn()
    with Progress(*columns, console=console, refresh_per_second=4) as progress:
        task = progress.add_task("", total=total)
        yield lambda added: progress.advance(task, added)
