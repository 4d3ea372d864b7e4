"""Rows of CSV and TSV files with their line numbers, and the delimiter that a header shows.

In CSV a quoted cell may contain commas and line ends. In TSV each line is a row and quotes have no
meaning; but a cell that is quoted as a whole, as spreadsheets and pandas write it, is unquoted.

Sources: RFC 4180 for CSV; IANA's registration of text/tab-separated-values.
"""

from __future__ import annotations

import csv
import itertools
import re
from collections.abc import Callable, Iterable, Iterator

from objectives.data.errors import Dropped, RecordErrors
from objectives.data.formats.first_bytes import kind_of_text
from objectives.data.formats.table_columns import SEQUENCE, column_faults
from objectives.data.formats.uniprot import is_uniprot
from sweep.errors import DataError, fault

Row = tuple[int, list[str]]  # the 1-based line that a row begins in, and its cells
_LONGEST_CELL = 2**31 - 1  # for ``csv``, whose default of 131 072 is too small for embeddings


def csv_rows(lines: Iterable[str], delimiter: str = ",") -> Iterator[Row]:
    """Read the rows of a CSV file.

    Args:
        lines: of the file, with their ends.
        delimiter: character between cells.

    Yields:
        The rows that are not blank, first the header.

    Raises:
        ValueError: if the quotes of a row are not balanced, naming the line it begins in.
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
    """Read the rows of a TSV file; see ``csv_rows``."""
    for number, line in enumerate(lines, start=1):
        text = line.rstrip("\r\n")
        cells = text.split("\t")
        if '"' in text:
            cells = [_unquoted(cell) for cell in cells]
        if _holds_something(cells):
            yield number, cells


def _unquoted(cell: str) -> str:
    """A cell without its quotes, if it is quoted as a whole and inner quotes are doubled."""
    inner = cell[1:-1]
    if len(cell) < len('""') or cell[0] != '"' or cell[-1] != '"':
        return cell
    return cell if '"' in inner.replace('""', "") else inner.replace('""', '"')


def _holds_something(cells: list[str]) -> bool:
    return any(cell and not cell.isspace() for cell in cells)


def named_rows(
    rows: Iterator[Row], name: str, problems: RecordErrors, wanted: Callable[[list[str]], list[int]]
) -> tuple[list[str], Iterator[tuple[str, dict[str, str]]]]:
    """Rows as dictionaries from column name to cell.

    Blank cells after the last named column, which spreadsheets add, are ignored.

    Args:
        rows: the header, then the other rows.
        name: the file's name in messages.
        problems: collects errors of rows of another width than the header's, which are left out.
        wanted: returns the indices of the columns to keep, given all column names.

    Returns:
        The column names in lower case, and each valid row's location (file, line) and cells.
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


_OTHERS = ",\t;|"
_SEP = re.compile(r"\s*\"?sep=(.)\"?\s*", re.IGNORECASE | re.DOTALL)
"""The line that Excel reads and some programs write above the header to name the delimiter."""

_SUFFIX = {"FASTA": ".fasta", "JSON": ".json"}


def find_delimiter(lines: Iterator[str], own: str, name: str) -> tuple[str, Iterator[str]]:
    """Detect the delimiter of a file.

    Args:
        lines: of the file, with their ends.
        own: the delimiter of the file's suffix.
        name: the file's name in messages.

    Returns:
        The delimiter, and all lines of the file, with a line ``sep=`` made blank.

    Raises:
        DataError: if the first line is clearly of another format.
    """
    above: list[str] = []
    for line in lines:
        if not line.strip():
            above.append(line)
            continue
        _require_table(line, name)
        named = _SEP.fullmatch(line)
        if named:
            return named[1], itertools.chain([*above, "\n"], lines)
        return _delimiter_of(line, own), itertools.chain([*above, line], lines)
    return own, iter(())


def _delimiter_of(header: str, own: str) -> str:
    """``own``, unless only another delimiter of a header gives known column names, or several."""
    split = {mark: _names(header, mark) for mark in (own, *_OTHERS)}
    for reads in (_is_known, lambda names: SEQUENCE in names, lambda names: len(names) > 1):
        found = next((mark for mark, names in split.items() if reads(names)), None)
        if found is not None:
            return found
    return own


def _require_table(line: str, name: str) -> None:
    """Refuse a line that is clearly FASTA or JSON, naming the format and its suffix."""
    kind = kind_of_text(line)
    if kind:
        way_out = f"Name it {_SUFFIX[kind]}"
        rule = "be a table with a header, as its suffix says"
        raise DataError(fault("file", rule, kind, where=name, way_out=way_out))


def require_text_format(line: str, name: str) -> None:
    """Refuse a table, FASTA or JSON that is named ``.txt``, the suffix of another format.

    Raises:
        DataError: naming the format and its suffix.
    """
    kind, suffix = kind_of_text(line), ""
    if not kind:
        mark = next((mark for mark in _OTHERS if _is_known(_names(line, mark))), "")
        kind = f"a table with columns separated by {mark!r}" if mark else ""
        suffix = ".tsv" if mark == "\t" else ".csv"
    if kind:
        rule = "hold lines of pdb_id;chain_id;binding_residues;sequence, as .txt does"
        way_out = f"Name it {_SUFFIX.get(kind, suffix)}"
        raise DataError(fault("file", rule, kind, where=name, way_out=way_out))


def _names(header: str, mark: str) -> list[str]:
    return [cell.strip().strip('"').strip().lower() for cell in header.split(mark)]


def _is_known(names: list[str]) -> bool:
    return not column_faults(names, "") or is_uniprot(names)
