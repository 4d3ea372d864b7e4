"""CSV, TSV, JSON Lines and Parquet files with a ``sequence`` and a label column."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from objectives.data.chain import Chain
from objectives.data.columns import (
    KNOWN_COLUMNS,
    LABEL_COLUMNS,
    READ_COLUMNS,
    chains_of_rows,
    column_faults,
)
from objectives.data.delimited import Row, csv_rows, named_rows, tsv_rows
from objectives.data.problems import Problems
from objectives.data.read_pickle import Rows, read_pickle
from objectives.data.read_uniprot import COLUMNS, chains_of_entries, is_uniprot
from objectives.data.shown import reason, shown
from sweep.errors import fault


def read_table(path: Path, name: str, problems: Problems) -> list[Chain]:
    """Read one table.

    Args:
        path: a file whose suffix is in ``READERS`` or ``PICKLED``.
        name: what to call it in messages.
        problems: takes the bad rows; they are not returned.

    Returns:
        The sound rows in file order.
    """
    before = len(problems.files)
    try:
        columns, rows = {**READERS, **PICKLED}[path.suffix.lower()](path, name, problems)
        faults = column_faults(columns, name)
        if len(problems.files) > before:
            return []
        if faults and is_uniprot(columns):
            return chains_of_entries(rows, problems)
        if not faults:
            label_column = next(column for column in LABEL_COLUMNS if column in columns)
            return chains_of_rows(rows, label_column, problems)
    except (OSError, ValueError) as error:
        way_out = "Save it as UTF-8" if isinstance(error, UnicodeDecodeError) else ""
        faults = [fault("file", "be readable", reason(error), where=name, way_out=way_out)]
    for text in faults:
        problems.add_file(text)
    return []


def _read_delimited(path: Path, name: str, problems: Problems) -> tuple[list[str], Rows]:
    """Cells stay text: type inference would read the labels ``0010`` as the number ten."""
    parse = tsv_rows if path.suffix.lower() == ".tsv" else csv_rows
    return named_rows(_rows(path, parse), name, problems, _wanted)


def _rows(path: Path, parse: Callable[[Iterable[str]], Iterator[Row]]) -> Iterator[Row]:
    """Read row by row: a large table is never in memory as text."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        yield from parse(file)


def _wanted(columns: list[str]) -> list[int]:
    """The places of the columns that are read."""
    known = COLUMNS if column_faults(columns, "") and is_uniprot(columns) else READ_COLUMNS
    return [at for at, column in enumerate(columns) if column in known]


class _Object(dict[str, Any]):
    """A JSON object with column names for keys, which remembers those that came twice."""

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        names = [key.strip().lower() for key, _ in pairs]
        super().__init__(zip(names, (value for _, value in pairs), strict=True))
        self.doubled = sorted({name for name in KNOWN_COLUMNS if names.count(name) > 1})


def _read_json_lines(path: Path, name: str, problems: Problems) -> tuple[list[str], Rows]:
    """One JSON object per line; a file may lack a column in some rows, not in all."""
    rows: list[tuple[str, Mapping[str, Any]]] = []
    columns: dict[str, None] = {}
    with path.open(encoding="utf-8-sig") as file:
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            where = f"{name}, line {number}"
            row, text = _parse_line(line, where)
            if row is None:
                problems.add_record([text])
                continue
            columns.update(dict.fromkeys(row))
            rows.append((where, row))
    return list(columns), rows


def _parse_line(line: str, where: str) -> tuple[_Object | None, str]:
    """The object on a line, or what is wrong with it."""
    way_out = "Write one JSON object per line"
    try:
        row = json.loads(line.rstrip("\r\n"), object_pairs_hook=_Object)
    except (ValueError, RecursionError) as error:  # numbers and nesting without end, too
        return None, fault("line", "be JSON", reason(error), where=where, way_out=way_out)
    if not isinstance(row, _Object):
        return None, fault("line", "be a JSON object", shown(row), where=where, way_out=way_out)
    if row.doubled:
        return None, fault("line", "name each column once", ", ".join(row.doubled), where=where)
    return row, ""


def _read_parquet(path: Path, name: str, problems: Problems) -> tuple[list[str], Rows]:
    """Only the known columns are decoded: embeddings may stand beside them."""
    del problems
    import pyarrow.parquet

    try:
        with pyarrow.parquet.ParquetFile(path) as file:
            names = list(file.schema_arrow.names)
            columns = [column.strip().lower() for column in names]
            known = COLUMNS if is_uniprot(columns) else READ_COLUMNS
            wanted = {n: c for n, c in zip(names, columns, strict=True) if c in known}
            if column_faults(columns, name) and not is_uniprot(columns):  # told by the caller
                return columns, []
            batches = (batch.to_pylist() for batch in file.iter_batches(columns=list(wanted)))
            cells = [row for batch in batches for row in batch]
    except Exception as error:  # whatever a damaged file makes Arrow throw
        raise ValueError(f"{type(error).__name__}: {error}") from error
    return columns, [
        (f"{name}, row {number}", {wanted[key]: value for key, value in row.items()})
        for number, row in enumerate(cells, start=1)
    ]


READERS: dict[str, Callable[[Path, str, Problems], tuple[list[str], Rows]]] = {
    ".csv": _read_delimited,
    ".tsv": _read_delimited,
    ".jsonl": _read_json_lines,
    ".ndjson": _read_json_lines,
    ".json": _read_json_lines,
    ".parquet": _read_parquet,
}
"""File suffix to reader."""

PICKLED: dict[str, Callable[[Path, str, Problems], tuple[list[str], Rows]]] = {
    ".pkl": read_pickle,
    ".pickle": read_pickle,
}
"""The same for files that are read only when pickles are allowed."""
