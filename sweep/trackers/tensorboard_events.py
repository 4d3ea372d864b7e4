"""Log each trial as a TensorBoard run, with its hyperparameters."""

from __future__ import annotations

from pathlib import Path

import optuna
from optuna.trial import FrozenTrial
from tensorboardX import SummaryWriter
from tensorboardX.summary import hparams

from sweep.trackers.finished_trial import ended_of


class TensorBoardEvents:
    """Writes event files, one folder per trial, in a folder for ``tensorboard --logdir``."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __call__(self, study: optuna.Study, trial: FrozenTrial) -> None:
        """Log a finished trial: configuration, intermediate metrics by step, and final metrics.

        Raises:
            OSError: if the folder cannot be written.
        """
        ended = ended_of(study, trial)
        given = {**ended.params, "state": ended.state, **ended.tags}
        last = max((step for step, _ in ended.curve), default=0)
        with SummaryWriter(str(self._folder / f"trial-{ended.number:05d}")) as writer:
            for part in hparams(given, dict(ended.metrics)):
                writer.file_writer.add_summary(part)
            for step, figures in [*ended.curve, (last, ended.metrics)]:
                for name, value in figures.items():
                    writer.add_scalar(name, value, step)
