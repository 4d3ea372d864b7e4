"""Trackers: each trial that is over as a run in Weights & Biases, MLflow or TensorBoard.

A tracker is a callback of Optuna's kind (see ``sweep.driver.callbacks``), made by ``make.trackers``
from its name. The study's database stays the record; a tracker is a view of it. Server, project
and offline mode are set as the libraries' own documents say (``WANDB_PROJECT``,
``MLFLOW_TRACKING_URI``).
"""

NAMES = ("wandb", "mlflow", "tensorboard")
"""The trackers that there are; each is an extra of the package, too."""
