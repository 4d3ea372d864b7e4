"""A trial of any Optuna study as one flat record, with the whole of it beside as JSON text."""

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


def whole(trial: FrozenTrial) -> Record:
    """Everything that Optuna keeps of a trial; two trials are the same if these are.

    What is no number, state or time is JSON text with sorted keys: storages return the same
    attributes in different orders. A NaN, which equals nothing, is text that equals itself.
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
    """A trial as one row: ``whole`` and, for those who read tables, its parts by name.

    Cells are scalars. What is nested, or has a name that no file can hold, is in the JSON
    texts alone.
    """
    attributes = trial.user_attrs
    failure = _mapping(attributes.get("failure"))
    flat: Record = {"value": _only(trial.values)}
    flat |= {name: attributes.get(name) for name in _OURS}
    flat |= {f"failure.{name}": failure.get(name) for name in _FAILURE}
    flat |= {f"params.{name}": value for name, value in trial.params.items()}
    metrics = _mapping(attributes.get("metrics"))
    flat |= {f"metrics.{name}": value for name, value in metrics.items()}
    kept = {name: value for name, value in flat.items() if _is_cell(name, value)}
    return {**whole(trial), **kept}


def text(tree: Any) -> str:
    """A JSON tree as text in which equal trees are equal; ASCII, so that any file holds it."""
    return json.dumps(tree, sort_keys=True)


def is_writable(value: str) -> bool:
    """Whether a text can be UTF-8; JSON from a database may hold half a surrogate pair."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _is_cell(name: str, value: object) -> bool:
    return is_writable(name) and (value is None or isinstance(value, (str, int, float)))


def _only(values: list[float] | None) -> float | None:
    return values[0] if values is not None and len(values) == 1 else None


def _mapping(value: object) -> Mapping[str, Any]:
    """The attribute, unless a foreign study calls something else by its name."""
    return value if isinstance(value, Mapping) else {}


def _utc(local: datetime | None) -> str | None:
    """Optuna hands out this machine's local time without a zone; a file outlives the machine."""
    return None if local is None else local.astimezone(UTC).isoformat(timespec="microseconds")


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
