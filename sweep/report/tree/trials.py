"""Report entries of all trials of a study, in any state, and of the best with its curves."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from optuna.trial import FrozenTrial, TrialState

from sweep.analysis.rows import Row
from sweep.files.strict_json import strict_document
from sweep.storage.attributes import failure_of
from sweep.study.measures import Curve, Measures, Table
from sweep.study.parameters import is_number
from sweep.study.trial import DUPLICATE, Failure
from sweep.terminal.formatting import param as shown

KINDS = ("complete", "failed", "pruned", "running", "waiting", "interrupted", "spared")
"""Outcomes of a trial; ``spared``: skipped as a duplicate of another trial."""

Tree = Mapping[str, Any]
_PLAIN = (bool, int, float, str)


def entries(
    trials: Sequence[FrozenTrial],
    rows: Mapping[int, Row],
    configurations: Mapping[int, int],
    used: Collection[int],
    labels: Mapping[str, str],
    value: str = "",
) -> list[dict[str, Any]]:
    """One entry per trial as JSON-serialisable data, in the order of ``trials``.

    Args:
        trials: all trials.
        rows: the usable COMPLETE trials by number, with derived values.
        configurations: number of a usable trial to its configuration index.
        used: numbers of the trials that the verdict is based on.
        labels: target set to its short name.
        value: name of the metric that is the value; see ``sweep.study.measures.Metric``.
    """
    found = []
    for trial in trials:
        tree = strict_document(_entry(trial, rows.get(trial.number), labels, value))
        place = {"configuration": configurations.get(trial.number), "used": trial.number in used}
        found.append({**tree, **place})
    return found


def _entry(
    trial: FrozenTrial, row: Row | None, labels: Mapping[str, str], value_name: str
) -> dict[str, Any]:
    told = trial.user_attrs
    metrics, details = _tree(told, "metrics"), _tree(told, "details")
    values = dict(trial.system_attrs.get("fixed_params") or trial.params)
    values |= {} if row is None else row.values
    value = trial.value if trial.state == TrialState.COMPLETE and len(trial.values) == 1 else None
    failure = _failure(trial)
    return {
        "number": trial.number,
        "state": trial.state.name,
        "kind": kind_of(trial),
        "value": value,
        "params": values,
        "shown": {name: shown(each, labels) for name, each in values.items()},
        "phase": told.get("phase"),
        "seed": told.get("seed"),
        "replicate": told.get("replicate", 0),
        "started": _moment(trial.datetime_start),
        "ended": _moment(trial.datetime_complete),
        "seconds": _number(told.get("seconds")),
        "size": None if row is None else row.size,
        "trained": _number(details.get("trainable_parameters")),
        "train_value": _number(metrics.get(f"train_{value_name}")),
        "gap": _number(metrics.get(f"{value_name}_gap")),
        "collapsed": row is not None and row.collapsed,
        "reason": None if failure is None else (str(failure).splitlines() or [""])[0],
        "reused_from": told.get("reused_from"),
        "retry_of": told.get("retry_of"),
        "rerun_of": told.get("rerun_of"),
        "curve": _curve(trial, told),
    }


def kind_of(trial: FrozenTrial) -> str:
    """Outcome of a trial, one of ``KINDS``; failed if out of memory (PRUNED in Optuna)."""
    failure = _failure(trial)
    if trial.state == TrialState.PRUNED:
        return "pruned" if failure is None else "failed"
    if trial.state == TrialState.FAIL and failure is not None:
        if failure.interrupted:
            return "interrupted"
        return "spared" if failure.reason == DUPLICATE else "failed"
    return "failed" if trial.state == TrialState.FAIL else trial.state.name.lower()


def count_kinds(found: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """Number of trials by outcome."""
    kinds = [tree["kind"] for tree in found]
    return {
        **{kind: kinds.count(kind) for kind in KINDS},
        "collapsed": sum(tree["collapsed"] for tree in found),
        "reused": sum(tree["reused_from"] is not None for tree in found),
        "all": len(found),
    }


def _failure(trial: FrozenTrial) -> Failure | None:
    """Why a trial failed, unless another program uses the name of the attribute."""
    ours = {"reason", "kind", "message"} <= set(_tree(trial.user_attrs, "failure"))
    return failure_of(trial) if ours else None


def _tree(told: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = told.get(name)
    return found if isinstance(found, Mapping) else {}


def _number(value: object) -> float | int | None:
    return value if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def _moment(when: datetime | None) -> str | None:
    """ISO time in UTC; Optuna 5 stores UTC as naive datetimes."""
    return None if when is None else when.replace(tzinfo=UTC).isoformat(timespec="milliseconds")


def _curve(trial: FrozenTrial, told: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Validation value and training loss by step; intermediate values only for plain Optuna."""
    stored = told.get("curve")
    if isinstance(stored, list) and all(isinstance(p, Mapping) and "step" in p for p in stored):
        points = [(p["step"], p.get("value"), p.get("step_loss")) for p in stored]
    else:
        points = [(step, value, None) for step, value in sorted(trial.intermediate_values.items())]
    return [
        {"step": step, "value": _number(value), "loss": _number(loss)}
        for step, value, loss in points
        if is_number(step) and is_number(value)
    ]


def best_entry(
    found: Tree | None, trials: Sequence[Tree], measures: Measures
) -> dict[str, Any] | None:
    """The best trial as JSON-serialisable data; None before the first complete trial.

    Args:
        found: ``best`` of ``sweep.results.status.snapshot``.
        trials: all trials as report entries.
        measures: the tables and curves of the study's objective.

    Returns:
        Its parameters and metrics, and each table and the columns of each curve by name.
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
        "metrics": {k: v for k, v in metrics.items() if v is None or isinstance(v, _PLAIN)},
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
