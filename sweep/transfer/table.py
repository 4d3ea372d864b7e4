"""Records of trials as a table with typed columns, the same for every file format."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from sweep.strict import NOT_FINITE, strict
from sweep.transfer.records import Record, Scalar, is_writable

Kind = Literal["bool", "int", "float", "text", "json"]
"""What a column's cells are; ``json`` has any scalars, each as JSON text."""

_FIRST: Mapping[str, Kind] = {
    "number": "int",
    "state": "text",
    "value": "float",
    "values": "text",
    "datetime_start": "text",
    "datetime_complete": "text",
    "seconds": "float",
    "replicate": "int",
    "seed": "int",
    "retry_of": "int",
    "reused_from": "int",
    "failure.reason": "text",
    "failure.kind": "text",
    "failure.message": "text",
}
_LAST: Mapping[str, Kind] = {
    "params": "text",
    "distributions": "text",
    "intermediate_values": "text",
    "user_attrs": "text",
    "system_attrs": "text",
}
_EXACT = 2**53
"""Up to here a float is any whole number that it is given."""


@dataclass(frozen=True)
class Table:
    """Trials, one a row.

    Attributes:
        columns: their kinds by name, in order; those that every study has are always there.
        rows: a cell for each column; None where a trial has nothing.
    """

    columns: Mapping[str, Kind]
    rows: Sequence[Record]

    @classmethod
    def of(cls, records: Sequence[Record]) -> Table:
        """Give every record the same columns, of a kind that loses nothing."""
        fixed = {**_FIRST, **_LAST}
        found = dict.fromkeys(name for record in records for name in record if name not in fixed)
        names = [
            *_FIRST,
            *(name for name in found if name.startswith("params.")),
            *(name for name in found if name.startswith("metrics.")),
            *_LAST,
            *(name for name in found if name == NOT_FINITE),
        ]
        columns = {
            name: _kind((record.get(name) for record in records), fixed.get(name, "text"))
            for name in names
        }
        rows = [
            {name: _cell(record.get(name), kind) for name, kind in columns.items()}
            for record in records
        ]
        return cls(columns, rows)


def _kind(values: Iterable[Scalar], otherwise: Kind) -> Kind:
    """The plainest kind in which no value changes."""
    present = [value for value in values if value is not None]
    types = {type(value) for value in present}
    if not present:
        return otherwise
    if types == {bool}:
        return "bool"
    if types == {str} and all(is_writable(str(value)) for value in present):
        return "text"
    if (
        types == {int}
        and otherwise != "float"
        and all(-(2**63) <= v < 2**63 for v in _ints(present))
    ):
        return "int"
    if types <= {int, float} and all(abs(value) <= _EXACT for value in _ints(present)):
        return "float"
    return "json"


def _ints(values: Iterable[Scalar]) -> list[int]:
    return [value for value in values if isinstance(value, int)]


def _cell(value: Scalar, kind: Kind) -> Scalar:
    if value is None:
        return None
    if kind == "json":
        return json.dumps(strict(value)[0], allow_nan=False)
    return float(value) if kind == "float" else value
