"""Consoles: colours and boxes on a terminal, plain lines in a pipe or a file."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import TextIO

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from sweep.terminal.printable import printable

PLAIN_WIDTH = 200
"""Columns if the output has no width, so wide that no cell is cut."""


class _Console(Console):
    """A console that escapes control characters and raises on a closed pipe."""

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        for segment in super().render(renderable, options):
            shown = printable(segment.text, keep="\n")
            yield segment if segment.control else segment._replace(text=shown)

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError


def make_console(stream: TextIO | None = None) -> Console:
    """A console on a stream (stdout when None), with control characters only on a terminal."""
    target = sys.stdout if stream is None else stream
    terminal = target.isatty()
    return _Console(
        file=target,
        force_terminal=terminal,  # rich would also follow FORCE_COLOR and some CI variables
        width=None if terminal else PLAIN_WIDTH,
        highlight=False,
        markup=False,
        emoji=False,
    )


def duration(seconds: float) -> str:
    """A duration as text: ``0.4 s``, ``42 s``, ``3 min 20 s``, ``2 h 05 min``.

    Example:
        >>> duration(200.0)
        '3 min 20 s'
    """
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
