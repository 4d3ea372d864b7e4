"""A trial's checkpoint: the state of its lane in a safetensors file, with a JSON tree.

Why not ``torch.save``: it writes pickles, which can run any code when they are read.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from objectives.lora.training.lane import Lane
from sweep.files.location import clear_scratch, local_copy, parse_location, put_file

FILE = "checkpoint.safetensors"
FORMAT = 2  # raised when older checkpoints cannot be resumed; those are ignored
log = logging.getLogger("lorasweep")


@dataclass(frozen=True)
class Checkpoint:
    """The contents of a checkpoint."""

    tensors: Mapping[str, torch.Tensor]  # by name
    tree: Mapping[str, Any]  # a JSON tree; Python's JSON preserves floats exactly


class Checkpoints:
    """Reads and writes the checkpoint of one trial; read and write errors are logged, not raised.

    Args:
        folder: the trial's folder; if empty, nothing is saved or loaded.
        identity: a JSON tree of all that decides the result; another's checkpoint is ignored.
    """

    def __init__(self, folder: str, identity: Mapping[str, Any]) -> None:
        self._path = parse_location(folder) / FILE if folder else None
        self._identity = json.loads(json.dumps({"format": FORMAT, **identity}))
        self._warned = False

    def save(self, checkpoint: Checkpoint) -> bool:
        """Replace the trial's checkpoint; if that fails, log a warning, once per trial.

        Returns:
            Whether it was written.
        """
        if self._path is None:
            return False
        text = json.dumps({"identity": self._identity, **checkpoint.tree})
        try:
            tensors = {
                name: tensor.detach().cpu().contiguous()
                for name, tensor in checkpoint.tensors.items()
            }
            seal = {"lorasweep": text, "sha256": _digest(text, tensors)}
            put_file(self._path, save(tensors, seal))
        except (OSError, SafetensorError) as error:
            if not self._warned:
                log.warning(
                    "the checkpoint %s cannot be written (%s); the trial trains on, and starts "
                    "from an earlier point if it is interrupted",
                    self._path,
                    error,
                )
            self._warned = True
            return False
        return True

    def load(self) -> Checkpoint | None:
        """This trial's checkpoint; None if there is none, or it is damaged or another trial's."""
        if self._path is None:
            return None
        clear_scratch(self._path)
        try:
            with local_copy(self._path) as path:
                return _read(path, self._identity)
        except FileNotFoundError:
            return None
        except (OSError, SafetensorError, ValueError, KeyError, TypeError) as error:
            log.warning(
                "the checkpoint %s is not used (%s: %s); the trial starts anew",
                self._path,
                type(error).__name__,
                error,
            )
            return None


def _read(path: Path, identity: Mapping[str, Any]) -> Checkpoint:
    """Read a checkpoint; ValueError if its checksum or its identity does not match."""
    # Not memory-mapped: the file is replaced while its tensors are in use.
    with safe_open(path, framework="pt", backend="pread") as file:
        seal = file.metadata() or {}
        tensors = file.get_tensors()
    text = seal.get("lorasweep", "")
    if seal.get("sha256") != _digest(text, tensors):
        raise ValueError("its contents do not match their checksum")
    tree = json.loads(text)
    if tree["identity"] != identity:
        raise ValueError(_unlike(tree["identity"], identity))
    return Checkpoint(tensors, tree)


def _digest(text: str, tensors: Mapping[str, torch.Tensor]) -> str:
    """SHA-256 over the JSON and all tensors; safetensors itself has no checksum."""
    digest = hashlib.sha256(text.encode())
    for name, tensor in sorted(tensors.items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def _unlike(found: Mapping[str, Any], expected: Mapping[str, Any]) -> str:
    """The error message that names the keys in which two identities differ."""
    names = found.keys() | expected.keys()
    differ = sorted(name for name in names if found.get(name) != expected.get(name))
    return f"it is another trial's, of other {', '.join(differ)}"


_TRAINED, _OPTIMIZER = "trained/", "optimizer/"


def shapes(lane: Lane) -> dict[str, list[int]]:
    """Shapes of the trained parameters by name."""
    return {name: list(parameter.shape) for name, parameter in lane.trained.items()}


def tensors_of(lane: Lane) -> dict[str, torch.Tensor]:
    """Trained parameters, AdamW's moments and step counts, by name.

    No random state is needed: dropout and data order are functions of seed and step.
    """
    tensors = {_TRAINED + name: value.detach() for name, value in lane.trained.items()}
    names = _optimizer_order(lane)
    for index, state in lane.optimizer.state_dict()["state"].items():
        for key, value in state.items():
            tensors[f"{_OPTIMIZER}{key}/{names[index]}"] = value
    return tensors


def tree_of(lane: Lane) -> dict[str, Any]:
    """Step, losses, times, and the states of scheduler and scaler, as a JSON tree."""
    return {
        "step": lane.steps,
        "losses": lane.losses,
        "seconds": lane.seconds,
        "evaluated": lane.evaluated,
        "rates": [group["lr"] for group in lane.optimizer.param_groups],
        "scheduler": lane.scheduler.state_dict(),
        "scaler": lane.scaler.state_dict(),
    }


def restore(lane: Lane, tensors: Mapping[str, torch.Tensor], tree: Mapping[str, Any]) -> None:
    """Restore a saved training state into a new lane of the same trial.

    Args:
        lane: of the same plan and settings, before its first step.
        tensors: from ``tensors_of``.
        tree: from ``tree_of``.
    """
    with torch.no_grad():
        for name, parameter in lane.trained.items():
            parameter.copy_(tensors[_TRAINED + name])
    _restore_optimizer(lane, tensors, tree["rates"])
    lane.scheduler.load_state_dict(tree["scheduler"])
    lane.scaler.load_state_dict(tree["scaler"])
    lane.losses = list(tree["losses"])
    lane.seconds = tree["seconds"]
    lane.evaluated = tree["evaluated"]


def _restore_optimizer(lane: Lane, tensors: Mapping[str, torch.Tensor], rates: list[float]) -> None:
    index = {name: i for i, name in enumerate(_optimizer_order(lane))}
    state: dict[int, dict[str, torch.Tensor]] = defaultdict(dict)
    for full, tensor in tensors.items():
        if full.startswith(_OPTIMIZER):
            key, name = full.removeprefix(_OPTIMIZER).split("/", 1)
            state[index[name]][key] = tensor
    groups = lane.optimizer.state_dict()["param_groups"]
    for group, rate in zip(groups, rates, strict=True):
        group["lr"] = rate
    lane.optimizer.load_state_dict({"state": dict(state), "param_groups": groups})


def _optimizer_order(lane: Lane) -> list[str]:
    """Names of the trained parameters in the order of the optimiser's state."""
    names = {id(parameter): name for name, parameter in lane.trained.items()}
    groups = lane.optimizer.param_groups
    return [names[id(parameter)] for group in groups for parameter in group["params"]]
