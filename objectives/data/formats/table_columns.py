"""Convert rows with named columns to chains, for all table formats."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from objectives.data.chain import Chain
from objectives.data.errors import RecordErrors, shown
from objectives.data.formats.record import Record, read_chain
from objectives.data.formats.row_splits import kind_of_column
from sweep.errors import fault

SEQUENCE = "sequence"
LABEL_COLUMNS = ("labels", "positions")
OPTIONAL_COLUMNS = ("id", "ligand")
KNOWN_COLUMNS = (SEQUENCE, *LABEL_COLUMNS, *OPTIONAL_COLUMNS)
FAMILY_COLUMNS = ("family", "protein families")
LENGTH = "length"
READ_COLUMNS = (*KNOWN_COLUMNS, *FAMILY_COLUMNS, LENGTH)  # besides those that name a split


def is_read(column: str) -> bool:
    """Whether a column is read, by its name in lower case."""
    return column in READ_COLUMNS or bool(kind_of_column(column))


def label_column_of(columns: Iterable[str]) -> str:
    """The name of the column of labels or positions; empty if there is none."""
    found = set(columns)
    return next((name for name in LABEL_COLUMNS if name in found), "")


def column_faults(columns: Iterable[str], where: str) -> list[str]:
    """The errors of a table's columns.

    Args:
        columns: the names found, in lower case.
        where: the table, for messages.

    Returns:
        Empty if there is a ``sequence`` and exactly one label column, and no known column twice.
    """
    found = list(columns)
    listing = shown(", ".join(found) or "none")
    faults = []
    if SEQUENCE not in found:
        rule = "include 'sequence'"
        way_out = "Rename the column that holds the sequences"
        faults.append(fault("columns", rule, listing, where=where, way_out=way_out))
    given = [name for name in LABEL_COLUMNS if name in found]
    if len(given) != 1:
        rule = "include exactly one of 'labels' (one 0 or 1 per residue) and 'positions' (1-based)"
        way_out = "Rename or drop columns"
        faults.append(fault("columns", rule, listing, where=where, way_out=way_out))
    doubled = [name for name in KNOWN_COLUMNS if found.count(name) > 1]
    if doubled:
        rule = f"name {' and '.join(doubled)} once"
        way_out = "Rename or drop columns"
        faults.append(fault("columns", rule, listing, where=where, way_out=way_out))
    return faults


def chains_of_rows(
    rows: Iterable[tuple[str, Mapping[str, Any]]], label_column: str, problems: RecordErrors
) -> list[Chain]:
    """Convert each row to a chain.

    Args:
        rows: location (file and line) and cells by column name of each row.
        label_column: ``labels`` or ``positions``.
        problems: collects the errors of bad rows, which are left out.

    Returns:
        The chains of the valid rows, in order.
    """
    read = (read_chain(_record(row, label_column, where), problems) for where, row in rows)
    return [chain for chain in read if chain is not None]


def _record(row: Mapping[str, Any], label_column: str, where: str) -> Record:
    value = row.get(label_column)
    return Record(
        row.get(SEQUENCE),
        where,
        name=row.get("id"),
        ligand=row.get("ligand"),
        labels=value if label_column == "labels" else None,
        positions=value if label_column == "positions" else None,
        family=next((row[name] for name in FAMILY_COLUMNS if row.get(name)), None),
        length=row.get(LENGTH),
        labelled=label_column == "labels",
    )
