"""Report entries of all trials of a study, in any state."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from optuna.trial import FrozenTrial, TrialState

from sweep.analysis.rows import Row
from sweep.files.strict_json import NOT_FINITE, strict
from sweep.storage.attributes import failure_of
from sweep.study.parameters import is_number
from sweep.study.trial import DUPLICATE
from sweep.terminal.formatting import param as shown

KINDS = ("complete", "failed", "pruned", "running", "waiting", "interrupted", "spared")
"""Outcomes of a trial; ``spared``: skipped as a duplicate of another trial."""


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
        row = rows.get(trial.number)
        tree = entry(trial, row, labels, value)
        tree["configuration"] = configurations.get(trial.number)
        tree["used"] = trial.number in used
        found.append(tree)
    return found


def entry(
    trial: FrozenTrial, row: Row | None, labels: Mapping[str, str], value_name: str = ""
) -> dict[str, Any]:
    """Entry of one trial; non-finite numbers are None and listed under ``not_finite``."""
    tree, found = strict(_entry(trial, row, labels, value_name))
    return {**tree, NOT_FINITE: found} if found else dict(tree)


def _entry(
    trial: FrozenTrial, row: Row | None, labels: Mapping[str, str], value_name: str
) -> dict[str, Any]:
    """Entry of one trial, which may contain non-finite numbers."""
    told = trial.user_attrs
    metrics, details = _tree(told, "metrics"), _tree(told, "details")
    values = dict(trial.system_attrs.get("fixed_params") or trial.params)
    values |= {} if row is None else row.values
    value = trial.value if trial.state == TrialState.COMPLETE and len(trial.values) == 1 else None
    failure = failure_of(trial) if _is_ours(told) else None
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
    failure = failure_of(trial) if _is_ours(trial.user_attrs) else None
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


def _is_ours(told: Mapping[str, Any]) -> bool:
    """Whether the ``failure`` attribute has lorasweep's format; other tools may use the name."""
    stored = told.get("failure")
    return isinstance(stored, Mapping) and {"reason", "kind", "message"} <= set(stored)


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
