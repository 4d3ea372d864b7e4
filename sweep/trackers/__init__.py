"""Trackers: each trial that is over as a run in Weights & Biases, MLflow or TensorBoard.

A tracker is a callback of Optuna's kind (see ``sweep.callbacks``), made by ``trackers`` from its
name. The study's database stays the record; a tracker is a view of it. Server, project and offline
mode are set as the libraries' own documents say (``WANDB_PROJECT``, ``MLFLOW_TRACKING_URI``).
"""

from sweep.trackers.make import NAMES, trackers

__all__ = ["NAMES", "trackers"]
