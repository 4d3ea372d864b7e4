"""Rows of CSV and of TSV, one at a time, each with the line that it begins in.

The two are different formats. In CSV a quoted cell may hold commas and line ends. In TSV a line is
a row, tabs alone part its cells, and a quote is a character like others; a cell that is quoted
whole, as spreadsheets and pandas write it, is unquoted.

Sources: RFC 4180 for CSV; IANA's registration of text/tab-separated-values.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator

from objectives.data.errors import Dropped, RecordErrors
from sweep.errors import fault

Row = tuple[int, list[str]]
"""The line that a row begins in, counted from 1, and its cells."""

_LONGEST_CELL = 2**31 - 1
"""The module ``csv`` refuses cells above 131 072 characters unless told; embeddings are longer."""


def csv_rows(lines: Iterable[str], delimiter: str = ",") -> Iterator[Row]:
    """The rows of CSV.

    Args:
        lines: of the file, with their ends.
        delimiter: what separates the cells.

    Yields:
        The rows that are not blank, the header being the first.

    Raises:
        ValueError: naming the line that a record begins in, if its quotes are not balanced.
    """
    csv.field_size_limit(_LONGEST_CELL)
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    before = 0
    try:
        for cells in reader:
            if _holds_something(cells):
                yield before + 1, cells
            before = reader.line_num
    except csv.Error as error:
        raise ValueError(f"line {before + 1}: {error}") from error


def tsv_rows(lines: Iterable[str]) -> Iterator[Row]:
    """The rows of TSV; see ``csv_rows``."""
    for number, line in enumerate(lines, start=1):
        text = line.rstrip("\r\n")
        cells = text.split("\t")
        if '"' in text:
            cells = [_unquoted(cell) for cell in cells]
        if _holds_something(cells):
            yield number, cells


def _unquoted(cell: str) -> str:
    """A cell without the quotes around it, if it is quoted whole and those within are doubled."""
    inner = cell[1:-1]
    if len(cell) < len('""') or cell[0] != '"' or cell[-1] != '"':
        return cell
    return cell if '"' in inner.replace('""', "") else inner.replace('""', '"')


def _holds_something(cells: list[str]) -> bool:
    return any(cell and not cell.isspace() for cell in cells)


def named_rows(
    rows: Iterator[Row], name: str, problems: RecordErrors, wanted: Callable[[list[str]], list[int]]
) -> tuple[list[str], Iterator[tuple[str, dict[str, str]]]]:
    """Cells by the name of their column.

    A blank cell beyond the header's last name is no cell, as spreadsheets write such.

    Args:
        rows: the header and what follows.
        name: what to call the file in messages.
        problems: takes the rows of another number of cells than the header; they are left out.
        wanted: which columns to keep, by their names.

    Returns:
        The columns' names in lower case, and for each sound row where it stands and its cells.
    """
    _, header = next(rows, (0, []))
    columns = [cell.strip().lower() for cell in header]
    kept = [(columns[index], index) for index in wanted(columns)]
    most = len(columns)
    least = max((index + 1 for index, column in enumerate(columns) if column), default=0)

    def named() -> Iterator[tuple[str, dict[str, str]]]:
        for number, cells in rows:
            where = f"{name}, line {number}"
            if least <= len(cells) <= most or (
                len(cells) > most and not _holds_something(cells[most:])
            ):
                yield where, {column: cells[index] for column, index in kept}
                continue
            rule = f"have {least} cells, as the header does"
            known = {column: cells[index] for column, index in kept if index < len(cells)}
            of = Dropped(known.get("id", known.get("entry", "")).strip(), "")
            problems.add_record([fault("row", rule, len(cells), where=where)], of)

    return columns[:least], named()
