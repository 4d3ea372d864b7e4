"""CSV, TSV, JSON Lines and Parquet files with a ``sequence`` and a label column."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from objectives.data.chain import Chain
from objectives.data.columns import KNOWN_COLUMNS, LABEL_COLUMNS, chains_of_rows, column_faults
from objectives.data.problems import Problems
from sweep.errors import fault

Rows = list[tuple[str, Mapping[str, Any]]]


def read_table(path: Path, name: str, problems: Problems) -> list[Chain]:
    """Read one table.

    Args:
        path: a file whose suffix is in ``READERS``.
        name: what to call it in messages.
        problems: takes the bad rows; they are not returned.

    Returns:
        The sound rows in file order.
    """
    before = len(problems.files)
    try:
        columns, rows = READERS[path.suffix.lower()](path, name, problems)
    except (OSError, ValueError, csv.Error) as error:  # pyarrow's ArrowInvalid is a ValueError
        problems.add_file(fault("file", "be readable", str(error), where=name))
        return []
    if len(problems.files) > before:
        return []
    faults = column_faults(columns, name)
    if faults:
        for text in faults:
            problems.add_file(text)
        return []
    label_column = next(column for column in LABEL_COLUMNS if column in columns)
    return chains_of_rows(rows, label_column, problems)


def _read_delimited(
    path: Path, name: str, problems: Problems, delimiter: str = ","
) -> tuple[list[str], Rows]:
    """Cells stay text: type inference would read the labels ``0010`` as the number ten."""
    rows: Rows = []
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file, delimiter=delimiter, strict=True)
        columns = [cell.strip().lower() for cell in next(reader, [])]
        for cells in reader:
            if not cells:
                continue
            where = f"{name}, line {reader.line_num}"
            if len(cells) != len(columns):
                rule = f"have {len(columns)} cells, as the header does"
                problems.add_record([fault("row", rule, len(cells), where=where)])
                continue
            rows.append((where, dict(zip(columns, cells, strict=True))))
    return columns, rows


def _read_tabbed(path: Path, name: str, problems: Problems) -> tuple[list[str], Rows]:
    return _read_delimited(path, name, problems, delimiter="\t")


def _read_json_lines(path: Path, name: str, problems: Problems) -> tuple[list[str], Rows]:
    """One JSON object per line; a file may lack a column in some rows, not in all."""
    rows: Rows = []
    columns: dict[str, None] = {}
    with path.open(encoding="utf-8-sig") as file:
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            where = f"{name}, line {number}"
            try:
                row = json.loads(line)
            except json.JSONDecodeError as error:
                problems.add_record([fault("line", "be JSON", str(error), where=where)])
                continue
            if not isinstance(row, dict):
                problems.add_record([fault("line", "be a JSON object", row, where=where)])
                continue
            cells = {key.strip().lower(): value for key, value in row.items()}
            columns.update(dict.fromkeys(cells))
            rows.append((where, cells))
    return list(columns), rows


def _read_parquet(path: Path, name: str, problems: Problems) -> tuple[list[str], Rows]:
    """Only the known columns are decoded: embeddings may stand beside them."""
    del problems
    import pyarrow.parquet

    file = pyarrow.parquet.ParquetFile(path)
    wanted = {column: column.strip().lower() for column in file.schema_arrow.names}
    known = [column for column, lower in wanted.items() if lower in KNOWN_COLUMNS]
    rows: Rows = []
    for batch in file.iter_batches(columns=known):
        for row in batch.to_pylist():
            cells = {wanted[key]: value for key, value in row.items()}
            rows.append((f"{name}, row {len(rows) + 1}", cells))
    return list(wanted.values()), rows


READERS: dict[str, Callable[[Path, str, Problems], tuple[list[str], Rows]]] = {
    ".csv": _read_delimited,
    ".tsv": _read_tabbed,
    ".jsonl": _read_json_lines,
    ".ndjson": _read_json_lines,
    ".json": _read_json_lines,
    ".parquet": _read_parquet,
}
"""File suffix to reader."""
