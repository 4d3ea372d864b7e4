"""A trial of any Optuna study as one flat record, with all of its data as JSON text."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from optuna.distributions import distribution_to_json
from optuna.trial import FrozenTrial

from sweep.files.strict_json import NOT_FINITE, strict

Scalar = str | int | float | bool | None
Record = dict[str, Scalar]

_OURS = ("seconds", "replicate", "seed", "retry_of", "reused_from")
_FAILURE = ("reason", "kind", "message")

Kind = Literal["bool", "int", "float", "text", "json"]
"""The type of a column's cells; ``json`` is any scalar as JSON text."""

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
"""Floats represent integers exactly up to this limit."""


def whole(trial: FrozenTrial) -> Record:
    """Everything that Optuna stores of a trial; two trials are equal if these are.

    Anything but a number, state or time is JSON text with sorted keys, since storages return
    attributes in different orders. NaN, which does not equal itself, becomes text.
    """
    distributions = {
        name: json.loads(distribution_to_json(distribution))
        for name, distribution in trial.distributions.items()
    }
    return {
        "number": trial.number,
        "state": trial.state.name,
        "values": None if trial.values is None else text(trial.values),
        "datetime_start": _utc(trial.datetime_start),
        "datetime_complete": _utc(trial.datetime_complete),
        "params": text(trial.params),
        "distributions": text(distributions),
        "intermediate_values": text(trial.intermediate_values),
        "user_attrs": text(trial.user_attrs),
        "system_attrs": text(trial.system_attrs),
    }


def record(trial: FrozenTrial) -> Record:
    """A trial as one row: ``whole``, and its parts as columns of their own.

    Cells are scalars. Nested values, and names that no file can hold, are only in the JSON text.
    """
    attributes = trial.user_attrs
    failure = _mapping(attributes.get("failure"))
    values = trial.values or []
    flat: Record = {"value": values[0] if len(values) == 1 else None}
    flat |= {name: attributes.get(name) for name in _OURS}
    flat |= {f"failure.{name}": failure.get(name) for name in _FAILURE}
    flat |= {f"params.{name}": value for name, value in trial.params.items()}
    metrics = _mapping(attributes.get("metrics"))
    flat |= {f"metrics.{name}": value for name, value in metrics.items()}
    kept = {name: value for name, value in flat.items() if _is_cell(name, value)}
    return {**whole(trial), **kept}


def text(tree: Any) -> str:
    """A tree as sorted JSON, so that equal trees give equal text; ASCII only."""
    return json.dumps(tree, sort_keys=True)


def is_writable(value: str) -> bool:
    """Whether a text can be encoded as UTF-8; JSON may hold half of a surrogate pair."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _is_cell(name: str, value: object) -> bool:
    return is_writable(name) and (value is None or isinstance(value, (str, int, float)))


def _mapping(value: object) -> Mapping[str, Any]:
    """The attribute, or an empty mapping if another program uses its name for something else."""
    return value if isinstance(value, Mapping) else {}


def _utc(local: datetime | None) -> str | None:
    """A time of Optuna, which is local and without time zone, as UTC."""
    return None if local is None else local.astimezone(UTC).isoformat(timespec="microseconds")


@dataclass(frozen=True)
class Table:
    """Trials as a table, one per row.

    Attributes:
        columns: the type of each column by name, in order; some are in every table.
        rows: one cell per column; None if a trial has no value.
    """

    columns: Mapping[str, Kind]
    rows: Sequence[Record]

    @classmethod
    def of(cls, records: Sequence[Record]) -> Table:
        """Give all records the same columns, of types that lose no information."""
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
    """The simplest type that changes no value."""
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
