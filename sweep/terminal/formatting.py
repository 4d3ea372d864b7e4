"""How single values and plain tables look; shared by all reports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from sweep.terminal.printable import printable


def number(value: object) -> str:
    """A value for a cell: ``-`` for None, thousands apart, floats to four digits.

    Example:
        >>> number(0.24351), number(30720), number(None), number(1.5e-5)
        ('0.2435', '30,720', '-', '1.5e-05')
    """
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if not isinstance(value, float):
        return str(value)
    if value == 0 or 0.001 <= abs(value) < 10_000:
        return f"{value:.4f}"
    return f"{value:.4g}"


def param(value: object, labels: Mapping[str, str]) -> str:
    """A parameter's value: target sets by their short names, numbers as they were written."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}"
    return labels.get(str(value), str(value))


def params(values: Mapping[str, Any], labels: Mapping[str, str]) -> str:
    """A configuration in one line."""
    return "  ".join(f"{name}={param(value, labels)}" for name, value in values.items())


def scalars(tree: Mapping[str, Any], most: int) -> str:
    """The first plain figures of a tree in one line; the rest is left to ``--json``."""
    shown = [
        f"{name} {number(value)}"
        for name, value in tree.items()
        if value is None or isinstance(value, (bool, int, float, str))
    ]
    more = len(shown) - most
    return "  ".join(shown[:most] + ([f"(and {more} more with --json)"] if more > 0 else []))


def line(console: Console, text: str = "", style: str = "") -> None:
    """One line, not wrapped where the output is not a terminal."""
    console.print(Text(printable(text), style=style), soft_wrap=not console.is_terminal)


def table(
    console: Console,
    header: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    left: Sequence[str] = (),
) -> None:
    """A table: ruled on a terminal, columns of text elsewhere.

    Args:
        console: where to.
        header: column names.
        rows: cells, one row after the other.
        left: names of columns of words, aligned left; the others are figures.
    """
    grid = Table(
        box=box.SIMPLE_HEAD if console.is_terminal else None,
        pad_edge=False,
        header_style="bold",
    )
    for name in header:
        words = name in left
        grid.add_column(
            printable(name),
            justify="left" if words else "right",
            no_wrap=not words,
            overflow="fold",
        )
    for row in rows:
        grid.add_row(*(Text(printable(cell)) for cell in row))
    console.print(grid)
