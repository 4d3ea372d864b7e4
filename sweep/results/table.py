"""From a study in its database to the ``TrialTable`` that analyses read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import optuna
from optuna.trial import FrozenTrial, TrialState

from sweep.analysis.rows import Failed, Row, Sampling
from sweep.analysis.table import TrialTable
from sweep.errors import StorageError, fault
from sweep.results.foreign import foreign_space
from sweep.storage.makers import is_ours, trials_of
from sweep.storage.studies import count_states, read_spec
from sweep.study.design import MEASURE, PILOT, is_collapsed
from sweep.study.spec import StudySpec
from sweep.study.trial import DUPLICATE, INTERRUPTED, Failure

SAMPLING: Mapping[str, Sampling] = {
    "random": "random",
    "qmc": "random",
    "grid": "random",
    "tpe": "adaptive",
    "gp": "adaptive",
}
"""A spec's sampler to what it makes of its trials."""

SIZES = ("adapter_parameters", "trainable_parameters")
"""Where an objective tells how much a trial trained; the first that all trials have is used."""


def to_table(study: optuna.Study) -> TrialTable:
    """Every COMPLETE trial as a row, with the counts of all states and the failed trials.

    Of a study with a design, ``sampling`` speaks of the trials that do not search.

    Args:
        study: a study of lorasweep's, or of plain Optuna's, of which less is known.

    Raises:
        StorageError: if the study has several objectives.
    """
    trials = trials_of(study)
    if not is_ours(study):
        return _foreign(study, trials)
    spec = read_spec(study)
    rows = [_row(t, dict(t.params)) for t in trials if t.state == TrialState.COMPLETE]
    table = TrialTable.from_rows(
        _with_sizes(rows, trials),
        space=spec.space,
        direction="maximize" if spec.direction == "maximize" else "minimize",
        counts=count_states(trials),
        sampling=_sampling(spec, rows),
        fixed=spec.settings,
    )
    return replace(table, failed=tuple(_failed(t) for t in trials if _has_failed(t)))


def _foreign(study: optuna.Study, trials: Sequence[FrozenTrial]) -> TrialTable:
    """A table of a study that says nothing of how its trials were chosen."""
    if len(study.directions) > 1:
        shown = [direction.name.lower() for direction in study.directions]
        rule = "have one objective"
        where = f"study {study.study_name!r}"
        raise StorageError(fault("an analysed study", rule, shown, where=where))
    complete = [trial for trial in trials if trial.state == TrialState.COMPLETE]
    foreign = foreign_space(complete)
    rows = [_foreign_row(trial, foreign.values(trial)) for trial in complete]
    table = TrialTable.from_rows(
        rows,
        space=foreign.space,
        direction="maximize" if study.direction.name == "MAXIMIZE" else "minimize",
        counts=count_states(trials),
    )
    reason = "unknown: nothing was stored"
    failed = (
        Failed(trial.number, foreign.values(trial), reason=reason)
        for trial in trials
        if trial.state == TrialState.FAIL
    )
    return replace(table, failed=tuple(failed), notes=foreign.notes)


def _foreign_row(trial: FrozenTrial, values: Mapping[str, Any]) -> Row:
    value = float("nan") if trial.value is None else trial.value
    return Row(number=trial.number, values=values, value=value)


def _row(trial: FrozenTrial, values: Mapping[str, Any]) -> Row:
    attributes = trial.user_attrs
    metrics = attributes.get("metrics", {})
    return Row(
        number=trial.number,
        values=values,
        value=float("nan") if trial.value is None else trial.value,
        seed=attributes.get("seed", 0),
        replicate=attributes.get("replicate", 0),
        seconds=attributes.get("seconds", 0.0),
        metrics=metrics,
        reused_from=attributes.get("reused_from"),
        phase=attributes.get("phase", ""),
        collapsed=is_collapsed(metrics),
    )


def _with_sizes(rows: Sequence[Row], trials: Sequence[FrozenTrial]) -> list[Row]:
    """The rows with how much each trial trained, all of them counted in the same way."""
    by_number = {trial.number: trial.user_attrs for trial in trials}
    for name in SIZES:
        sizes = [_figure(by_number[row.number], name) for row in rows]
        if all(size is not None for size in sizes):
            return [replace(row, size=size) for row, size in zip(rows, sizes, strict=True)]
    return list(rows)


def _figure(attributes: Mapping[str, Any], name: str) -> float | None:
    """A figure from a trial's details, or else from its metrics; None where there is none."""
    for place in ("details", "metrics"):
        tree = attributes.get(place)
        found = tree.get(name) if isinstance(tree, Mapping) else None
        if isinstance(found, (int, float)) and not isinstance(found, bool):
            return float(found)
    return None


def _sampling(spec: StudySpec, rows: Sequence[Row]) -> Sampling:
    """How the rows were chosen; with a design, those that do not search."""
    if spec.design is not None and any(row.phase in (MEASURE, PILOT) for row in rows):
        return "designed"
    return SAMPLING.get(spec.sampler.name, "unknown")


def _has_failed(trial: FrozenTrial) -> bool:
    """Whether it failed by itself: not cut short from outside, nor spared as another's double."""
    failure = _failure(trial)
    if failure is None:
        return trial.state == TrialState.FAIL
    return failure.reason not in (INTERRUPTED, DUPLICATE)


def _failure(trial: FrozenTrial) -> Failure | None:
    stored = trial.user_attrs.get("failure")
    return None if stored is None else Failure(**stored)


def _failed(trial: FrozenTrial) -> Failed:
    """A failed trial, with the values it had or was queued with."""
    values = {**trial.system_attrs.get("fixed_params", {}), **trial.params}
    failure = _failure(trial)
    reason = "unknown: nothing was stored" if failure is None else str(failure)
    return Failed(trial.number, values, trial.user_attrs.get("phase", ""), reason)
