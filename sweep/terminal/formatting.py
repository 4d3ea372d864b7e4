"""Text of single values and plain tables, used by all reports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from sweep.study.measures import Measures
from sweep.terminal.printable import printable


def number(value: object) -> str:
    """A value as a table cell: ``-`` for None, thousands separated, floats to four digits.

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
    """A parameter's value as text, with target sets by their labels."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}"
    return labels.get(str(value), str(value))


def params(values: Mapping[str, Any], labels: Mapping[str, str]) -> str:
    """A configuration in one line."""
    return "  ".join(f"{name}={param(value, labels)}" for name, value in values.items())


def scalars(tree: Mapping[str, Any], most: int, measures: Measures | None = None) -> str:
    """The first plain values of a tree in one line; ``--json`` shows the rest.

    Args:
        tree: values by name.
        most: number of values to show.
        measures: titles and units of the values that are metrics.
    """
    known = measures or Measures()
    shown = [
        f"{_title(name, known)} {number(value)}{known.unit_after(name)}"
        for name, value in tree.items()
        if value is None or isinstance(value, (bool, int, float, str))
    ]
    more = len(shown) - most
    return "  ".join(shown[:most] + ([f"(and {more} more with --json)"] if more > 0 else []))


def _title(name: str, measures: Measures) -> str:
    """The title of a metric; any other name as it is stored."""
    return measures.title(name) if measures.metric(name) else name


def line(console: Console, text: str = "", style: str = "") -> None:
    """Print one line, not wrapped if the output is not a terminal."""
    console.print(Text(printable(text), style=style), soft_wrap=not console.is_terminal)


def table(
    console: Console,
    header: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    left: Sequence[str] = (),
) -> None:
    """Print a table: with rules on a terminal, as columns of text elsewhere.

    Args:
        console: the console to print to.
        header: column names.
        rows: cells, row by row.
        left: names of text columns, aligned left; the others are numbers.
    """
    grid = Table(
        box=box.SIMPLE_HEAD if console.is_terminal else None, pad_edge=False, header_style="bold"
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
