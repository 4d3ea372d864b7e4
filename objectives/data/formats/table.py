"""Readers of CSV, TSV, JSON, Parquet and pickled files with a ``sequence`` and a label column."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from objectives.data.chain import Chain
from objectives.data.errors import RecordErrors, reason, shown
from objectives.data.formats.class_names import ClassNames, features_of
from objectives.data.formats.delimited import Row, csv_rows, find_delimiter, named_rows, tsv_rows
from objectives.data.formats.first_bytes import PARQUET
from objectives.data.formats.open_file import format_of, is_compressed, open_bytes, open_text
from objectives.data.formats.row_splits import RowSplits
from objectives.data.formats.table_columns import (
    KNOWN_COLUMNS,
    chains_of_rows,
    column_faults,
    is_read,
    label_column_of,
)
from objectives.data.formats.uniprot import COLUMNS, chains_of_entries, is_uniprot
from objectives.data.labels.binding_sites import BINDING
from objectives.data.labels.kind import LabelKind
from sweep.errors import DataError, fault


def read_table(
    path: Path, name: str, problems: RecordErrors, kind: LabelKind = BINDING
) -> list[Chain]:
    """Read one table.

    Args:
        path: a file whose format is in ``READERS`` or ``PICKLED``, compressed or not.
        name: its name in messages.
        problems: collects the errors of bad rows, which are left out, and of the file.
        kind: of its labels.

    Returns:
        The valid rows as chains, in file order.
    """
    before = len(problems.files)
    try:
        columns, rows = {**READERS, **PICKLED}[format_of(path)](path, name, problems, kind)
        faults = column_faults(columns, name, kind)
        if len(problems.files) > before:
            return []
        splits = RowSplits()
        if faults and kind.takes_sites and is_uniprot(columns):
            entries = chains_of_entries(splits.watch(rows), problems, kind)
            return splits.place(entries, problems)
        if not faults:
            column = label_column_of(columns, kind)
            chains = chains_of_rows(splits.watch(rows), column, problems, kind)
            return splits.place(chains, problems)
    except DataError as error:
        faults = list(error.faults)
    except (OSError, ValueError) as error:
        way_out = "Save it as UTF-8" if isinstance(error, UnicodeDecodeError) else ""
        faults = [fault("file", "be readable", reason(error), where=name, way_out=way_out)]
    problems.files.extend(faults)
    return []


def _read_delimited(
    path: Path, name: str, problems: RecordErrors, kind: LabelKind
) -> tuple[list[str], Rows]:
    """Read CSV or TSV; cells stay text, as type inference would turn labels ``0010`` into 10."""
    return named_rows(_rows(path, name), name, problems, lambda columns: _wanted(columns, kind))


Rows = Iterable[tuple[str, Mapping[str, Any]]]


def _read_pickle(
    path: Path, name: str, problems: RecordErrors, kind: LabelKind
) -> tuple[list[str], Rows]:
    """Read a pickled pandas DataFrame, list of dicts or dict of columns."""
    del problems, kind
    import pandas as pd  # type: ignore[import-untyped]

    try:
        table = pd.read_pickle(path)  # noqa: S301  # only with --allow-pickle
        if not isinstance(table, pd.DataFrame):
            table = pd.DataFrame(_tabular(table))
        labels = [str(column).strip().lower() for column in table.columns]
        cells = [[_plain(cell) for cell in table.iloc[:, at]] for at in range(len(labels))]
    except Exception as error:  # unpickling runs foreign code, which can raise anything
        raise ValueError(f"{type(error).__name__}: {error}") from error
    rows = zip(*cells, strict=True)
    return labels, [
        (f"{name}, row {number}", dict(zip(labels, row, strict=True)))
        for number, row in enumerate(rows, start=1)
    ]


def _tabular(value: object) -> list[Any] | dict[Any, Any]:
    """The value in a form of which pandas makes a table."""
    if isinstance(value, dict):
        # As lists: pandas would repeat a single string in all rows, and align Series by index.
        return {key: list(column) for key, column in value.items()}
    if isinstance(value, list) and all(isinstance(row, dict) for row in value):
        return value
    kinds = "a DataFrame, a list of dicts or a dict of columns"
    raise TypeError(f"{kinds} can be read, and this is a {type(value).__name__}")


def _plain(cell: Any) -> Any:
    """A cell without NumPy or pandas types; None for a missing value of pandas."""
    import pandas as pd

    if hasattr(cell, "tolist"):  # an array, a series or a NumPy number
        cell = cell.tolist()
    if isinstance(cell, (list, tuple)):
        return [item.tolist() if hasattr(item, "tolist") else item for item in cell]
    return None if pd.api.types.is_scalar(cell) and pd.isna(cell) else cell


def _rows(path: Path, name: str) -> Iterator[Row]:
    """Read rows lazily, so that a large file is not held in memory as text."""
    own = "\t" if format_of(path) in {".tsv", ".tab"} else ","
    with open_text(path, name, newline="") as file:
        delimiter, lines = find_delimiter(file, own, name)
        yield from tsv_rows(lines) if delimiter == "\t" else csv_rows(lines, delimiter)


def _wanted(columns: list[str], kind: LabelKind) -> list[int]:
    """The indices of the columns that are read."""
    entries = bool(column_faults(columns, "", kind)) and is_uniprot(columns)
    return [
        at
        for at, each in enumerate(columns)
        if is_read(each, kind) or (entries and each in COLUMNS)
    ]


class _Object(dict[str, Any]):
    """A JSON object with column names in lower case; ``doubled`` lists repeated known columns."""

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        names = [key.strip().lower() for key, _ in pairs]
        super().__init__(zip(names, (value for _, value in pairs), strict=True))
        self.doubled = sorted({name for name in KNOWN_COLUMNS if names.count(name) > 1})


def _read_json_lines(
    path: Path, name: str, problems: RecordErrors, kind: LabelKind
) -> tuple[list[str], Rows]:
    """Read JSON Lines or one JSON array; a column may be absent from some rows, not from all."""
    del kind
    rows: list[tuple[str, Mapping[str, Any]]] = []
    columns: dict[str, None] = {}
    started = False
    with open_text(path, name) as file:
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            if not started and line.lstrip().startswith("["):
                return _read_json_array(line + file.read(), name, problems)
            started = True
            where = f"{name}, line {number}"
            row, text = _parse_line(line, where)
            if row is None:
                problems.add_record([text])
                continue
            columns.update(dict.fromkeys(row))
            rows.append((where, row))
    return list(columns), rows


def _parse_line(line: str, where: str) -> tuple[_Object | None, str]:
    """The object on a line, or None and the error."""
    try:
        row = json.loads(line.rstrip("\r\n"), object_pairs_hook=_Object)
    except (ValueError, RecursionError) as error:  # also for too long numbers, too deep nesting
        way_out = "Write one JSON object per line"
        return None, fault("line", "be JSON", reason(error), where=where, way_out=way_out)
    return _object("line", row, where)


def _object(what: str, row: object, where: str) -> tuple[_Object | None, str]:
    """The row if it is an object that names each known column once, or None and the error."""
    if not isinstance(row, _Object):
        way_out = "Write one JSON object per row"
        return None, fault(what, "be a JSON object", shown(row), where=where, way_out=way_out)
    if row.doubled:
        return None, fault(what, "name each column once", ", ".join(row.doubled), where=where)
    return row, ""


def _read_json_array(text: str, name: str, problems: RecordErrors) -> tuple[list[str], Rows]:
    """Read one JSON array of objects."""
    try:
        found = json.loads(text, object_pairs_hook=_Object)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"it begins as a JSON array and is none: {reason(error)}") from error
    rows: list[tuple[str, Mapping[str, Any]]] = []
    for number, each in enumerate(found, start=1):
        where = f"{name}, row {number}"
        row, problem = _object("row", each, where)
        if row is None:
            problems.add_record([problem])
            continue
        rows.append((where, row))
    return list(dict.fromkeys(key for _, row in rows for key in row)), rows


def _read_parquet(
    path: Path, name: str, problems: RecordErrors, kind: LabelKind
) -> tuple[list[str], Rows]:
    """Read Parquet; decodes only the columns needed, as the file may also hold embeddings."""
    del problems
    import pyarrow.parquet

    with open_bytes(path, name) as stream:
        if stream.peek(4)[:4] != PARQUET:
            rule, got = "be Parquet, as its suffix says", "other content"
            way_out = "Give it the suffix of its format"
            raise DataError(fault("file", rule, got, where=name, way_out=way_out))
        whole = is_compressed(path)
        source = pyarrow.BufferReader(stream.read()) if whole else path
    try:
        with pyarrow.parquet.ParquetFile(source) as file:
            names = list(file.schema_arrow.names)
            columns = [column.strip().lower() for column in names]
            wanted = {names[at]: columns[at] for at in _wanted(columns, kind)}
            if column_faults(columns, name, kind) and not is_uniprot(columns):
                return columns, []
            features = features_of(file.schema_arrow.metadata)
            classes = ClassNames(features, label_column_of(columns, kind), kind)
            batches = (batch.to_pylist() for batch in file.iter_batches(columns=list(wanted)))
            cells = [row for batch in batches for row in batch]
    except Exception as error:  # a damaged file can raise any exception in Arrow
        raise ValueError(f"{type(error).__name__}: {error}") from error
    faults = classes.faults(name)
    if faults:
        raise DataError(faults)
    return columns, [
        (f"{name}, row {number}", classes.named({wanted[key]: row[key] for key in row}))
        for number, row in enumerate(cells, start=1)
    ]


Reader = Callable[[Path, str, RecordErrors, LabelKind], tuple[list[str], Rows]]

READERS: dict[str, Reader] = {
    ".csv": _read_delimited,
    ".tsv": _read_delimited,
    ".tab": _read_delimited,
    ".jsonl": _read_json_lines,
    ".ndjson": _read_json_lines,
    ".json": _read_json_lines,
    ".parquet": _read_parquet,
}
"""File suffix to reader."""

PICKLED: dict[str, Reader] = {
    ".pkl": _read_pickle,
    ".pickle": _read_pickle,
}
"""File suffix to reader, for files that are read only if pickles are allowed."""
