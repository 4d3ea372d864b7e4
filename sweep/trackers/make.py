"""Make trackers by name; their libraries are imported only when used."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sweep.driver.listener import Callback
from sweep.errors import UsageError, fault
from sweep.storage.url import StorageUrl, folder_beside
from sweep.trackers import NAMES

Maker = Callable[[StorageUrl, str], Callback]


def _wandb(_address: StorageUrl, _name: str) -> Callback:
    from sweep.trackers.weights_and_biases import log_to_wandb

    return log_to_wandb


def _mlflow(_address: StorageUrl, _name: str) -> Callback:
    from sweep.trackers.mlflow_runs import log_to_mlflow

    return log_to_mlflow


def _tensorboard(address: StorageUrl, name: str) -> Callback:
    from sweep.trackers.tensorboard_events import TensorBoardEvents

    return TensorBoardEvents(folder_beside(address, name, "tensorboard"))


_MAKERS: dict[str, Maker] = {"wandb": _wandb, "mlflow": _mlflow, "tensorboard": _tensorboard}


def trackers(names: Sequence[str], address: StorageUrl, study: str) -> tuple[Callback, ...]:
    """Make trackers, each once.

    Args:
        names: some of ``NAMES``.
        address: the study's database; TensorBoard's files are written beside it.
        study: the study's name.

    Raises:
        UsageError: if a tracker is unknown or its library is missing; lists all faults.
    """
    made, faults = [], []
    for name in dict.fromkeys(names):
        if name not in _MAKERS:
            faults.append(fault("--track", f"be one of {', '.join(NAMES)}", name))
            continue
        try:
            made.append(_MAKERS[name](address, study))
        except ImportError as error:
            rule, way_out = "name a tracker that is installed", f"pip install 'lorasweep[{name}]'"
            faults.append(fault("--track", rule, name, where=str(error), way_out=way_out))
    if faults:
        raise UsageError(faults)
    return tuple(made)
