"""A finished trial in the form that trackers log."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import optuna
from optuna.trial import FrozenTrial, TrialState

from sweep.storage.attributes import failure_of
from sweep.storage.studies import read_spec
from sweep.study.parameters import is_number


@dataclass(frozen=True)
class Ended:
    """A finished trial.

    Attributes:
        state: ``complete``, ``pruned``, ``failed`` or ``interrupted`` (retried as another trial).
        params: its configuration, with target sets by their labels.
        tags: phase, seed, replicate, and the failure if any.
        metrics: metrics that are single numbers, and ``value``, the objective value.
        curve: intermediate metrics, as pairs of step and metrics.
    """

    study: str
    number: int
    state: str
    params: Mapping[str, Any]
    tags: Mapping[str, Any]
    metrics: Mapping[str, float]
    curve: tuple[tuple[int, Mapping[str, float]], ...]
    started: datetime | None
    ended: datetime | None

    @property
    def name(self) -> str:
        """The name of the tracker's run."""
        return f"{self.study} trial {self.number}"

    @property
    def points(self) -> list[tuple[int, Mapping[str, float]]]:
        """Intermediate metrics at their steps, and the final ones at the last step."""
        last = max((step for step, _ in self.curve), default=0)
        return [*self.curve, (last, self.metrics)]


def ended_of(study: optuna.Study, trial: FrozenTrial) -> Ended:
    """Read a finished trial of a study made by lorasweep."""
    attributes = trial.user_attrs
    short = read_spec(study).space.labels()
    values = {**trial.system_attrs.get("fixed_params", {}), **trial.params}
    metrics = numbers(attributes.get("metrics", {}))
    if trial.state == TrialState.COMPLETE and trial.value is not None:
        metrics["value"] = trial.value
    tags = {name: attributes.get(name) for name in ("phase", "seed", "replicate")}
    failure = failure_of(trial)
    if failure is not None:
        tags["failure"] = str(failure)
    return Ended(
        study=study.study_name,
        number=trial.number,
        state=_state(trial),
        params={name: short.get(str(value), value) for name, value in values.items()},
        tags={name: value for name, value in tags.items() if value is not None},
        metrics=metrics,
        curve=tuple(
            (point["step"], numbers({k: v for k, v in point.items() if k != "step"}))
            for point in attributes.get("curve", [])
        ),
        started=trial.datetime_start,
        ended=trial.datetime_complete,
    )


def numbers(figures: Mapping[str, Any]) -> dict[str, float]:
    """The metrics that are one finite number each; booleans become 1 and 0."""
    return {
        name: float(figure)
        for name, figure in figures.items()
        if isinstance(figure, bool) or is_number(figure)
    }


def _state(trial: FrozenTrial) -> str:
    """As in ``lorasweep status``: out-of-memory trials, stored as PRUNED, count as failed."""
    failure = failure_of(trial)
    if failure is not None:
        return "interrupted" if failure.interrupted else "failed"
    return {TrialState.COMPLETE: "complete", TrialState.PRUNED: "pruned"}.get(trial.state, "failed")
