"""The best trial of a study, with its tables and curves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sweep.study.measures import Curve, Measures, Table

Tree = Mapping[str, Any]


def best_entry(
    found: Tree | None, trials: Sequence[Tree], measures: Measures
) -> dict[str, Any] | None:
    """The best trial as JSON-serialisable data.

    Args:
        found: ``best`` of ``sweep.results.status.snapshot``; None before the first complete trial.
        trials: all trials as report entries.
        measures: the tables and curves of the study's objective.

    Returns:
        Its parameters and metrics, and each table and the columns of each curve by name; None if
        ``found`` is None.
    """
    if found is None:
        return None
    metrics: Tree = found.get("metrics") or {}
    shown: Tree = next((t["shown"] for t in trials if t["number"] == found["number"]), {})
    return {
        "number": found["number"],
        "value": found["value"],
        "params": dict(found["params"]),
        "shown": shown,
        "metrics": {k: v for k, v in metrics.items() if v is None or _is_plain(v)},
        "lora_config": found.get("lora_config"),
        "adapter": found.get("adapter"),
        **{table.name: table_entry(table, metrics) for table in measures.tables},
        **{curve.name: curve_entry(curve, metrics) for curve in measures.curves},
    }


def table_entry(table: Table, metrics: Tree) -> dict[str, Any] | None:
    """A table's rows by name, each a mapping of metrics; None if a stored table is missing."""
    if not table.rows:
        stored = metrics.get(table.name)
        return dict(stored) if isinstance(stored, Mapping) else None
    rows = {}
    for row in table.rows:
        names = [name for name in row.values.values() if isinstance(name, str)]
        if not names or names[0] in metrics:
            rows[row.name] = {
                column: metrics.get(name) if isinstance(name, str) else name
                for column, name in row.values.items()
            }
    return rows


def curve_entry(curve: Curve, metrics: Tree) -> dict[str, Any] | None:
    """A curve's columns, and its note; None if columns are missing, empty or of other lengths."""
    stored = metrics.get(curve.name)
    if not isinstance(stored, Mapping):
        return None
    columns = {column.name: stored.get(column.name) for column in curve.columns}
    if not all(isinstance(column, list) and column for column in columns.values()):
        return None
    if len({len(column) for column in columns.values() if column}) > 1:
        return None
    note = {} if curve.note is None else {curve.note.name: stored.get(curve.note.name)}
    return {**columns, **note}


def _is_plain(value: object) -> bool:
    return isinstance(value, (bool, int, float, str))
