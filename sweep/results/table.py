"""Convert a stored Optuna study to a ``TrialTable`` for analysis."""

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
from sweep.storage.attributes import failure_of, is_ours, trials_of
from sweep.storage.studies import count_states, read_spec
from sweep.study.design import MEASURE, PILOT, is_collapsed
from sweep.study.spec import StudySpec
from sweep.study.spec_parts import SAMPLERS
from sweep.study.trial import DUPLICATE, INTERRUPTED

SIZES = ("adapter_parameters", "trainable_parameters")
"""Names of the trainable-parameter count in a trial's details or metrics; the first that all
trials have is used."""


def to_table(study: optuna.Study) -> TrialTable:
    """Table of all COMPLETE trials, with counts by state and the failed trials.

    For a study with a design, ``sampling`` describes the trials outside the search phase.

    Args:
        study: a study created by lorasweep, or by plain Optuna, which has fewer attributes.

    Raises:
        StorageError: if the study has several objectives.
    """
    trials = trials_of(study)
    if not is_ours(study):
        return _foreign(study, trials)
    spec = read_spec(study)
    rows = [_row(t) for t in trials if t.state == TrialState.COMPLETE]
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
    """Table of a study not created by lorasweep, whose sampling is unknown."""
    if len(study.directions) > 1:
        shown = [direction.name.lower() for direction in study.directions]
        where = f"study {study.study_name!r}"
        raise StorageError(fault("an analysed study", "have one objective", shown, where=where))
    complete = [trial for trial in trials if trial.state == TrialState.COMPLETE]
    foreign = foreign_space(complete)
    rows = [
        Row(t.number, foreign.values(t), float("nan") if t.value is None else t.value)
        for t in complete
    ]
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


def _row(trial: FrozenTrial) -> Row:
    attributes = trial.user_attrs
    metrics = attributes.get("metrics", {})
    return Row(
        number=trial.number,
        values=dict(trial.params),
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
    """The rows with trainable-parameter counts, if one of ``SIZES`` is known for all trials."""
    by_number = {trial.number: trial.user_attrs for trial in trials}
    for name in SIZES:
        sizes = [_figure(by_number[row.number], name) for row in rows]
        if all(size is not None for size in sizes):
            return [replace(row, size=size) for row, size in zip(rows, sizes, strict=True)]
    return list(rows)


def _figure(attributes: Mapping[str, Any], name: str) -> float | None:
    """A number from a trial's details, else from its metrics; None if in neither."""
    for place in ("details", "metrics"):
        tree = attributes.get(place)
        found = tree.get(name) if isinstance(tree, Mapping) else None
        if isinstance(found, (int, float)) and not isinstance(found, bool):
            return float(found)
    return None


def _sampling(spec: StudySpec, rows: Sequence[Row]) -> Sampling:
    """How the rows were sampled; for a design, those outside the search phase."""
    if spec.design is not None and any(row.phase in (MEASURE, PILOT) for row in rows):
        return "designed"
    return SAMPLERS.get(spec.sampler.name, "unknown")


def _has_failed(trial: FrozenTrial) -> bool:
    """Whether a trial failed by itself: neither interrupted nor skipped as a duplicate."""
    failure = failure_of(trial)
    if failure is None:
        return trial.state == TrialState.FAIL
    return failure.reason not in (INTERRUPTED, DUPLICATE)


def _failed(trial: FrozenTrial) -> Failed:
    """A failed trial, with its sampled or enqueued parameter values."""
    values = {**trial.system_attrs.get("fixed_params", {}), **trial.params}
    failure = failure_of(trial)
    reason = "unknown: nothing was stored" if failure is None else str(failure)
    return Failed(trial.number, values, trial.user_attrs.get("phase", ""), reason)
