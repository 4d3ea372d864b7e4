"""Trackers: log finished trials as runs to Weights & Biases, MLflow or TensorBoard.

A tracker is a callback as for Optuna (see ``sweep.driver.listener``), made by ``make.trackers``
from its name. It only reads the study. Server, project and offline mode are set as documented by
the libraries (``WANDB_PROJECT``, ``MLFLOW_TRACKING_URI``).
"""

NAMES = ("wandb", "mlflow", "tensorboard")
"""The available trackers; each is also the name of an extra of the package."""
