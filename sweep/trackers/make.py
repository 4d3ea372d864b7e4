"""Trackers by name: each logs finished trials with its library, imported only when it is used."""

from __future__ import annotations

import importlib
import os
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import optuna
from optuna.trial import FrozenTrial

from sweep.driver.listener import Callback
from sweep.errors import UsageError, fault
from sweep.storage.url import StorageUrl, folder_beside
from sweep.trackers import NAMES
from sweep.trackers.finished_trial import ended_of

_LIBRARIES = {"wandb": "wandb", "mlflow": "mlflow", "tensorboard": "tensorboardX"}

_MLFLOW = {"complete": "FINISHED", "pruned": "FINISHED", "interrupted": "KILLED"}
"""MLflow's status for each state; FAILED for any other."""


def trackers(names: Sequence[str], address: StorageUrl, study: str) -> tuple[Callback, ...]:
    """Make trackers, each once.

    Args:
        names: some of ``NAMES``.
        address: the study's database; TensorBoard's files are written beside it.
        study: the study's name.

    Raises:
        UsageError: if a tracker is unknown or its library is missing; lists all faults.
    """
    known: dict[str, Callback] = {
        "wandb": log_to_wandb,
        "mlflow": log_to_mlflow,
        "tensorboard": partial(log_to_tensorboard, folder_beside(address, study, "tensorboard")),
    }
    made, faults = [], []
    for name in dict.fromkeys(names):
        if name not in known:
            faults.append(fault("--track", f"be one of {', '.join(NAMES)}", name))
            continue
        try:
            importlib.import_module(_LIBRARIES[name])
        except ImportError as error:
            rule, way_out = "name a tracker that is installed", f"pip install 'lorasweep[{name}]'"
            faults.append(fault("--track", rule, name, where=str(error), way_out=way_out))
        made.append(known[name])
    if faults:
        raise UsageError(faults)
    return tuple(made)


def log_to_wandb(study: optuna.Study, trial: FrozenTrial) -> None:
    """Log a finished trial as a Weights & Biases run, in one group per study.

    The project is ``WANDB_PROJECT``, else ``lorasweep``; ``WANDB_MODE=offline`` writes files that
    ``wandb sync`` uploads later.

    Raises:
        Exception: any error of ``wandb``.
    """
    import wandb

    ended = ended_of(study, trial)
    run = wandb.init(
        project=os.environ.get("WANDB_PROJECT") or "lorasweep",
        group=ended.study,
        name=ended.name,
        job_type=ended.tags.get("phase"),
        tags=[ended.state],
        config={**ended.params, "trial": ended.number, **ended.tags},
        reinit="create_new",  # the script may have a run open
        settings=wandb.Settings(silent=True, console="off", x_disable_stats=True),
    )
    for step, figures in ended.curve:
        run.log(dict(figures), step=step)
    run.summary.update({**ended.metrics, "state": ended.state})
    run.finish(exit_code=0 if ended.state in ("complete", "pruned") else 1)


def log_to_mlflow(study: optuna.Study, trial: FrozenTrial) -> None:
    """Log a finished trial as an MLflow run, in one experiment per study.

    The server is MLflow's own setting, ``MLFLOW_TRACKING_URI``.

    Raises:
        Exception: any error of ``mlflow``.
    """
    import mlflow
    from mlflow.entities import Metric, Param, RunTag

    ended = ended_of(study, trial)
    client = mlflow.MlflowClient()
    known = client.get_experiment_by_name(ended.study)
    experiment = known.experiment_id if known else client.create_experiment(ended.study)
    began, over = _milliseconds(ended.started), _milliseconds(ended.ended)
    run = client.create_run(experiment, start_time=began, run_name=ended.name).info.run_id
    client.log_batch(
        run,
        metrics=[Metric(n, v, over, step) for step, p in ended.points for n, v in p.items()],
        params=[Param(name, str(value)) for name, value in ended.params.items()],
        tags=[RunTag(n, str(v)) for n, v in {**ended.tags, "state": ended.state}.items()],
    )
    client.set_terminated(run, _MLFLOW.get(ended.state, "FAILED"), end_time=over)


def log_to_tensorboard(folder: Path, study: optuna.Study, trial: FrozenTrial) -> None:
    """Log a finished trial as a TensorBoard run, in a folder for ``tensorboard --logdir``.

    Raises:
        OSError: if the folder cannot be written.
    """
    from tensorboardX import SummaryWriter
    from tensorboardX.summary import hparams

    ended = ended_of(study, trial)
    given = {**ended.params, "state": ended.state, **ended.tags}
    with SummaryWriter(str(folder / f"trial-{ended.number:05d}")) as writer:
        for part in hparams(given, dict(ended.metrics)):
            writer.file_writer.add_summary(part)
        for step, figures in ended.points:
            for name, value in figures.items():
                writer.add_scalar(name, value, step)


def _milliseconds(moment: datetime | None) -> int:
    """Milliseconds since 1970; a time without zone is local, as Optuna gives it."""
    return int((datetime.now(UTC) if moment is None else moment).timestamp() * 1000)
