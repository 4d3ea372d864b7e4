"""File formats of a table, for writing and reading back.

Why not pyarrow for CSV: it writes 2.0 as 2, so that a column of floats is read as integers.
"""

from __future__ import annotations

import csv
import io
import json
import math
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from sweep.transfer.records import Kind, Record, Scalar, Table

Facts = Mapping[str, Any]
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_KEY = b"lorasweep"
"""The key of the study's data in a Parquet file's schema."""


@dataclass(frozen=True)
class Format:
    """A file format.

    Attributes:
        write: writes a table and its study's data to an open file.
        read: returns a file's study data (None if the format holds none) and its rows.
        keeps: the value that is read back for a cell, which a format may change.
    """

    write: Callable[[Table, Facts, BinaryIO], None]
    read: Callable[[Path, Mapping[str, Kind]], tuple[Facts | None, list[Record]]]
    keeps: Callable[[Scalar], Scalar]


def _same(cell: Scalar) -> Scalar:
    return cell


def _write_parquet(table: Table, facts: Facts, file: BinaryIO) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    types = {"bool": pa.bool_(), "int": pa.int64(), "float": pa.float64()}
    fields = [
        pa.field(name, types.get(kind, pa.string()), metadata={_KEY: kind.encode()})
        for name, kind in table.columns.items()
    ]
    schema = pa.schema(fields, metadata={_KEY: json.dumps(facts, allow_nan=False).encode()})
    pq.write_table(pa.Table.from_pylist([dict(row) for row in table.rows], schema=schema), file)


def _read_parquet(path: Path, columns: Mapping[str, Kind]) -> tuple[Facts | None, list[Record]]:
    import pyarrow.parquet as pq

    del columns  # stored in the file
    with path.open("rb") as file:
        table = pq.read_table(file)
    return json.loads(table.schema.metadata[_KEY]), table.to_pylist()


def _write_csv(table: Table, facts: Facts, file: BinaryIO) -> None:
    del facts  # CSV holds rows only
    stream = io.TextIOWrapper(file, encoding="utf-8", newline="", write_through=True)
    # The csv module ends rows with CR LF, and quotes cells that contain either.
    writer = csv.writer(stream)
    writer.writerow(table.columns)
    writer.writerows([_csv_cell(cell) for cell in row.values()] for row in table.rows)
    stream.detach()


def _csv_cell(cell: Scalar) -> str:
    if cell is None:
        return ""
    if isinstance(cell, str):
        return _no_formula(cell)
    return json.dumps(cell) if isinstance(cell, bool) else str(cell)


def _no_formula(cell: str) -> str:
    """A text that spreadsheets do not run as a formula: a quote is put before it.

    Numbers are unchanged.
    """
    return f"'{cell}" if cell.startswith(_FORMULA) and not _is_written_number(cell) else cell


def _is_written_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return cell == cell.strip()


def _read_csv(path: Path, columns: Mapping[str, Kind]) -> tuple[Facts | None, list[Record]]:
    limit = csv.field_size_limit(sys.maxsize)  # the default limit is shorter than a long curve
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.reader(file, strict=True))
    finally:
        csv.field_size_limit(limit)
    names = rows[0] if rows else []
    return None, [
        {
            name: _from_csv(cell, columns.get(name, "text"))
            for name, cell in zip(names, row, strict=True)
        }
        for row in rows[1:]
    ]


def _from_csv(cell: str, kind: Kind) -> Scalar:
    if not cell:
        return None
    parsers: dict[Kind, Callable[[str], Scalar]] = {
        "bool": json.loads,
        "int": int,
        "float": float,
    }
    return parsers.get(kind, str)(cell)


def _csv_keeps(cell: Scalar) -> Scalar:
    """The value read back from CSV: None for an empty text, a quote before a formula.

    The JSON columns still hold the original values.
    """
    return (_no_formula(cell) or None) if isinstance(cell, str) else cell


def _write_json(table: Table, facts: Facts, file: BinaryIO) -> None:
    rows = [{name: _json_keeps(cell) for name, cell in row.items()} for row in table.rows]
    document = {"study": facts, "columns": dict(table.columns), "trials": rows}
    file.write(json.dumps(document, indent=1, allow_nan=False).encode() + b"\n")


def _read_json(path: Path, columns: Mapping[str, Kind]) -> tuple[Facts | None, list[Record]]:
    del columns  # JSON has types
    document = json.loads(path.read_bytes())
    return document["study"], document["trials"]


def _json_keeps(cell: Scalar) -> Scalar:
    """The value read back from JSON: None for NaN and infinity; the JSON columns hold them."""
    return None if isinstance(cell, float) and not math.isfinite(cell) else cell


FORMATS: Mapping[str, Format] = {
    ".parquet": Format(_write_parquet, _read_parquet, _same),
    ".csv": Format(_write_csv, _read_csv, _csv_keeps),
    ".json": Format(_write_json, _read_json, _json_keeps),
}
"""Formats by file suffix."""
