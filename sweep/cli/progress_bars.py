"""Progress bars of predictions and downloads."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from sweep.terminal.console import duration, make_console


@contextmanager
def residue_bar(
    total: int | None, results: TextIO | None, stream: TextIO | None = None
) -> Iterator[Callable[[int], None]]:
    """Show the progress of a prediction on a terminal; nothing elsewhere.

    Args:
        total: number of residues; None if unknown.
        results: the stream of the results; no bar is shown if that is a terminal too.
        stream: where to show the bar; stderr when None.

    Yields:
        A function to call with the number of residues predicted since the last call.
    """
    console = make_console(sys.stderr if stream is None else stream)
    if not console.is_terminal or (results is not None and results.isatty()):
        yield lambda _: None
        return
    columns = BarColumn(bar_width=30), TextColumn("{task.fields[told]}")
    started, done = time.monotonic(), 0
    with Progress(*columns, console=console, refresh_per_second=2) as progress:
        task = progress.add_task("", total=total, told="")

        def tell(residues: int) -> None:
            nonlocal done
            done += residues
            told = words(done, total, time.monotonic() - started)
            progress.update(task, completed=done, told=told)

        yield tell


def words(done: int, total: int | None, seconds: float) -> str:
    """Progress as text: residues done, rate, and time left.

    Example:
        >>> words(1500, 4500, 1.0)
        '1 500 of 4 500 residues, 1 500 residues/s, about 2.0 s left'
    """
    of = "" if total is None else f" of {grouped(total)}"
    rate = done / max(seconds, 1e-9)
    left = "" if total is None else f", about {duration(max(0, total - done) / rate)} left"
    return f"{grouped(done)}{of} residues, {grouped(round(rate))} residues/s{left}"


def grouped(number: int) -> str:
    """A number with thousands separated by spaces."""
    return f"{number:,}".replace(",", " ")


@contextmanager
def byte_bar(total: int, stream: TextIO | None = None) -> Iterator[Callable[[int], None]]:
    """Show the progress of a download on a terminal; nothing elsewhere.

    Args:
        total: number of bytes.
        stream: where to show the bar; stderr when None.

    Yields:
        A function to call with the number of bytes added since the last call.
    """
    console = make_console(sys.stderr if stream is None else stream)
    if not console.is_terminal:
        yield lambda _: None
        return
    columns = BarColumn(bar_width=30), DownloadColumn(), TransferSpeedColumn()
    with Progress(*columns, console=console, refresh_per_second=4) as progress:
        task = progress.add_task("", total=total)
        yield lambda added: progress.advance(task, added)
