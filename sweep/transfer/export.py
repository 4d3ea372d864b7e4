"""Export a study's trials to a file, and read it back before it replaces an existing one."""

from __future__ import annotations

import csv
import logging
from importlib import metadata
from pathlib import Path
from typing import Any

import optuna

from sweep.errors import StorageError, UsageError, fault
from sweep.files.atomic import replacing
from sweep.files.strict_json import strict_document
from sweep.storage.studies import count_states
from sweep.storage.url import StorageUrl
from sweep.transfer.formats import FORMATS, Facts
from sweep.transfer.records import Table, record
from sweep.transfer.snapshot import Snapshot, take

log = logging.getLogger("lorasweep")

_NAMED = ("spec", "spec_digest", "history", "versions")
"""Study attributes placed first in an export."""


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
        "exported_with": {
            "lorasweep": metadata.version("lorasweep"),
            "optuna": optuna.__version__,
        },
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
