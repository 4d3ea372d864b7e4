"""Convert rows with named columns to chains, for all table formats."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from objectives.data.chain import Chain
from objectives.data.errors import RecordErrors, shown
from objectives.data.formats.record import Record, read_chain
from objectives.data.formats.row_splits import kind_of_column
from objectives.data.labels.binding_sites import BINDING
from objectives.data.labels.kind import LabelKind
from sweep.errors import fault

SEQUENCE = "sequence"
POSITIONS = "positions"
OPTIONAL_COLUMNS = ("id", "ligand")
KNOWN_COLUMNS = (SEQUENCE, "labels", POSITIONS, *OPTIONAL_COLUMNS)
FAMILY_COLUMNS = ("family", "protein families")
LENGTH = "length"
READ_COLUMNS = (*KNOWN_COLUMNS, *FAMILY_COLUMNS, LENGTH)  # besides those that name a split


def is_read(column: str, kind: LabelKind = BINDING) -> bool:
    """Whether a column is read, by its name in lower case."""
    return column in (*READ_COLUMNS, *kind.columns) or bool(kind_of_column(column))


def label_column_of(columns: Iterable[str], kind: LabelKind = BINDING) -> str:
    """The name of the column of labels or positions; empty if there is none."""
    return next(iter(kind.found(list(columns))), "")


def column_faults(columns: Iterable[str], where: str, kind: LabelKind = BINDING) -> list[str]:
    """The errors of a table's columns.

    Args:
        columns: the names found, in lower case.
        where: the table, for messages.
        kind: of its labels.

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
    given = kind.found(found)
    if len(given) != 1:
        rule = f"include exactly one of {kind.form}"
        if kind.column is not None:
            rule = f"include {kind.column!r}, which label_column names"
        way_out = "Rename or drop columns"
        faults.append(fault("columns", rule, listing, where=where, way_out=way_out))
    read = dict.fromkeys((*KNOWN_COLUMNS, *given))
    doubled = [name for name in read if found.count(name) > 1]
    if doubled:
        rule = f"name {' and '.join(doubled)} once"
        way_out = "Rename or drop columns"
        faults.append(fault("columns", rule, listing, where=where, way_out=way_out))
    return faults


def chains_of_rows(
    rows: Iterable[tuple[str, Mapping[str, Any]]],
    label_column: str,
    problems: RecordErrors,
    kind: LabelKind = BINDING,
) -> list[Chain]:
    """Convert each row to a chain.

    Args:
        rows: location (file and line) and cells by column name of each row.
        label_column: name of the column of labels, or ``positions``.
        problems: collects the errors of bad rows, which are left out.
        kind: of the labels.

    Returns:
        The chains of the valid rows, in order.
    """
    read = (read_chain(_record(row, label_column, where), problems, kind) for where, row in rows)
    return [chain for chain in read if chain is not None]


def _record(row: Mapping[str, Any], label_column: str, where: str) -> Record:
    value, sites = row.get(label_column), label_column == POSITIONS
    return Record(
        row.get(SEQUENCE),
        where,
        name=row.get("id"),
        ligand=row.get("ligand"),
        labels=None if sites else value,
        positions=value if sites else None,
        family=next((row[name] for name in FAMILY_COLUMNS if row.get(name)), None),
        length=row.get(LENGTH),
        labelled=not sites,
    )
