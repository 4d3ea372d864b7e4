"""Log each trial as a Weights & Biases run, in one group per study."""

from __future__ import annotations

import os

import optuna
import wandb
from optuna.trial import FrozenTrial

from sweep.trackers.finished_trial import ended_of


def log_to_wandb(study: optuna.Study, trial: FrozenTrial) -> None:
    """Log a finished trial: configuration, intermediate metrics by step, and final metrics.

    The project is ``WANDB_PROJECT``, else ``lorasweep``; ``WANDB_MODE=offline`` writes files that
    ``wandb sync`` uploads later.

    Raises:
        Exception: any error of ``wandb``.
    """
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
