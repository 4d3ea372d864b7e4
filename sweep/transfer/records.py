"""A trial of any Optuna study as one flat record, with the whole of it beside as JSON text."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from optuna.distributions import distribution_to_json
from optuna.trial import FrozenTrial

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
