"""Log each trial as an MLflow run, in one experiment per study."""

from __future__ import annotations

from datetime import UTC, datetime

import mlflow
import optuna
from mlflow.entities import Metric, Param, RunTag
from optuna.trial import FrozenTrial

from sweep.trackers.finished_trial import Ended, ended_of

_STATUS = {"complete": "FINISHED", "pruned": "FINISHED", "interrupted": "KILLED"}
"""MLflow's status for each state; FAILED for any other."""


def log_to_mlflow(study: optuna.Study, trial: FrozenTrial) -> None:
    """Log a finished trial: configuration, intermediate metrics by step, and final metrics.

    The server is MLflow's own setting, ``MLFLOW_TRACKING_URI``.

    Raises:
        Exception: any error of ``mlflow``.
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
    """Intermediate metrics at their steps, and the final ones at the last step."""
    last = max((step for step, _ in ended.curve), default=0)
    points = [*ended.curve, (last, ended.metrics)]
    return [Metric(name, value, over, step) for step, p in points for name, value in p.items()]


def _milliseconds(moment: datetime | None) -> int:
    """Milliseconds since 1970; a time without zone is local, as Optuna gives it."""
    return int((datetime.now(UTC) if moment is None else moment).timestamp() * 1000)
