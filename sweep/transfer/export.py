"""Export a study's trials to a file, and read it back before it replaces an existing one.

Why not pyarrow for CSV: it writes 2.0 as 2, so that a column of floats is read as integers.
"""

from __future__ import annotations

import csv
import io
import json
import logging
import math
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, BinaryIO

import optuna

from sweep.errors import StorageError, UsageError, fault
from sweep.files.atomic import replacing
from sweep.files.strict_json import strict_document
from sweep.storage.studies import count_states
from sweep.storage.url import StorageUrl
from sweep.transfer.records import Kind, Record, Scalar, Table, record
from sweep.transfer.snapshot import Snapshot, take

Facts = Mapping[str, Any]
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_KEY = b"lorasweep"
"""The key of the study's data in a Parquet file's schema."""

log = logging.getLogger("lorasweep")

_NAMED = ("spec", "spec_digest", "history", "versions")
"""Study attributes placed first in an export."""


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
    """A text with a quote before what spreadsheets would run as a formula; numbers unchanged."""
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
    parsers: dict[Kind, Callable[[str], Scalar]] = {"bool": json.loads, "int": int, "float": float}
    return parsers.get(kind, str)(cell)


def _csv_keeps(cell: Scalar) -> Scalar:
    """The value read back from CSV; the JSON columns hold the original ones."""
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
    ".parquet": Format(_write_parquet, _read_parquet, lambda cell: cell),
    ".csv": Format(_write_csv, _read_csv, _csv_keeps),
    ".json": Format(_write_json, _read_json, _json_keeps),
}
"""Formats by file suffix."""


def export_study(address: StorageUrl, name: str | None, out: Path) -> dict[str, Any]:
    """Write a study's trials to a Parquet, CSV or JSON file, depending on the suffix.

    The file is compared with the study before it replaces an existing file.

    Args:
        address: the database.
        name: the study; optional if the database holds one study.
        out: the file.

    Returns:
        A JSON-ready report.

    Raises:
        UsageError: if the suffix is unknown, or the file is the database.
        StorageError: if the study cannot be read, the file cannot be written, or the file differs
            from the study.
    """
    suffix = _suffix(out, address)
    snapshot = take(address, name)
    table = Table.of([record(trial) for trial in snapshot.trials])
    facts = study_facts(snapshot, address)
    with replacing(out) as scratch:
        with scratch.open("wb") as file:
            FORMATS[suffix].write(table, facts, file)
        verify(scratch, suffix, table, facts)
    if facts["times"] is not None:
        log.warning("%s", facts["times"])
    return {
        "study": snapshot.name,
        "storage": address.shown,
        "out": str(out),
        "trials": len(snapshot.trials),
        "counts": count_states(snapshot.trials),
        "columns": len(table.columns),
        "verified": True,
        "times": facts["times"],
    }


def _suffix(out: Path, address: StorageUrl) -> str:
    suffix = out.suffix.lower()
    if suffix not in FORMATS:
        rule = f"end in {', '.join(FORMATS)}"
        raise UsageError(fault("--out", rule, str(out), way_out="The suffix decides the format"))
    if address.path is not None and out.resolve() == address.path.resolve():
        rule = "be another file than the study's own"
        raise UsageError(fault("--out", rule, str(out), way_out="Name another file"))
    return suffix


def study_facts(snapshot: Snapshot, address: StorageUrl) -> Facts:
    """Data of the study as a whole: standard JSON, without passwords."""
    attributes = snapshot.lasting_attrs
    directions = [direction.name.lower() for direction in snapshot.directions]
    facts = {
        "name": snapshot.name,
        "storage": address.shown,
        "direction": directions[0] if len(directions) == 1 else None,
        "directions": directions,
        **{key: attributes.pop(key, None) for key in _NAMED},
        "user_attrs": attributes,
        "system_attrs": snapshot.system_attrs,
        "times": snapshot.times_note(address),
        "exported_with": {"lorasweep": metadata.version("lorasweep"), "optuna": optuna.__version__},
    }
    return strict_document(facts)


def verify(path: Path, suffix: str, table: Table, facts: Facts) -> None:
    """Compare a file's content with the table, cell by cell.

    Raises:
        StorageError: naming the first trials that differ.
    """
    form = FORMATS[suffix]
    try:
        found_facts, rows = form.read(path, table.columns)
    except (OSError, ValueError, KeyError, TypeError, csv.Error) as error:
        raise _unfaithful(path, f"it cannot be read back: {error}") from error
    wrong = [] if found_facts in (None, facts) else ["the facts of the study"]
    if len(rows) != len(table.rows):
        wrong.append(f"{len(rows)} trials for {len(table.rows)}")
    for row, wanted in zip(rows, table.rows, strict=False):
        # repr distinguishes 1 from True and 0.0 from -0.0, and treats NaN as equal to NaN.
        expected = {name: repr(form.keeps(cell)) for name, cell in wanted.items()}
        found = {name: repr(cell) for name, cell in row.items()}
        if found != expected:
            names = [name for name in expected if found.get(name) != expected[name]]
            wrong.append(f"trial {wanted['number']}: {', '.join(names) or 'more columns'}")
    if wrong:
        raise _unfaithful(path, "; ".join(wrong[:5]))


def _unfaithful(path: Path, where: str) -> StorageError:
    way_out = "Nothing was replaced; export to another format, and report this"
    rule = "hold every trial as the study does"
    return StorageError(fault("the exported file", rule, path.name, where=where, way_out=way_out))
