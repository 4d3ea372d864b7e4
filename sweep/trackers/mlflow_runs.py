"""Each trial as a run of MLflow, the study its experiment."""

from __future__ import annotations

from datetime import UTC, datetime

import mlflow
import optuna
from mlflow.entities import Metric, Param, RunTag
from optuna.trial import FrozenTrial

from sweep.trackers.finished_trial import Ended, ended_of

_STATUS = {"complete": "FINISHED", "pruned": "FINISHED", "interrupted": "KILLED"}
"""MLflow's words; all else is FAILED."""


def log_to_mlflow(study: optuna.Study, trial: FrozenTrial) -> None:
    """Log a trial that is over: configuration, evaluations by step, and final figures.

    The server is MLflow's own setting, ``MLFLOW_TRACKING_URI``.

    Raises:
        Exception: whatever ``mlflow`` raises.
    """
    ended = ended_of(study, trial)
    client = mlflow.MlflowClient()
    known = client.get_experiment_by_name(ended.study)
    experiment = known.experiment_id if known else client.create_experiment(ended.study)
    began, over = _milliseconds(ended.started), _milliseconds(ended.ended)
    run = client.create_run(experiment, start_time=began, run_name=ended.name).info.run_id
    client.log_batch(
        run,
        metrics=_metrics(ended, over),
        params=[Param(name, str(value)) for name, value in ended.params.items()],
        tags=[RunTag(n, str(v)) for n, v in {**ended.tags, "state": ended.state}.items()],
    )
    client.set_terminated(run, _STATUS.get(ended.state, "FAILED"), end_time=over)


def _metrics(ended: Ended, over: int) -> list[Metric]:
    """Evaluations at their steps, the final figures after the last of them."""
    last = max((step for step, _ in ended.curve), default=0)
    points = [*ended.curve, (last, ended.metrics)]
    return [Metric(name, value, over, step) for step, p in points for name, value in p.items()]


def _milliseconds(moment: datetime | None) -> int:
    """Since 1970; Optuna's moments are UTC without saying so."""
    moment = datetime.now(UTC) if moment is None else moment.replace(tzinfo=UTC)
    return int(moment.timestamp() * 1000)
