"""A lane's training state as tensors and a JSON tree, and its restoration."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

import torch

from objectives.lora.training.lane import Lane

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
