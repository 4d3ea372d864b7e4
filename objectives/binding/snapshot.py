"""All that changes while a trial trains, as tensors and a JSON tree, and back."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

import torch

from objectives.binding.finetune import Training

_TRAINED, _OPTIMIZER, _RANDOM = "trained/", "optimizer/", "random/"


def shapes(training: Training) -> dict[str, list[int]]:
    """Shapes of the trained parameters by name."""
    return {name: list(parameter.shape) for name, parameter in training.trained.items()}


def tensors_of(training: Training) -> dict[str, torch.Tensor]:
    """Trained parameters, AdamW's moments and step counts, and random states."""
    tensors = {_TRAINED + name: value.detach() for name, value in training.trained.items()}
    names = _optimizer_order(training)
    for index, state in training.optimizer.state_dict()["state"].items():
        for key, value in state.items():
            tensors[f"{_OPTIMIZER}{key}/{names[index]}"] = value
    tensors[_RANDOM + "cpu"] = torch.get_rng_state()
    device = training.learner.precision.device
    if device.type == "cuda":
        tensors[_RANDOM + "cuda"] = torch.cuda.get_rng_state(device)
    return tensors


def tree_of(training: Training) -> dict[str, Any]:
    """Progress and the small states."""
    return {
        "step": training.steps,
        "losses": training.losses,
        "seconds": training.seconds,
        "evaluated": training.evaluated,
        "rates": [group["lr"] for group in training.optimizer.param_groups],
        "scheduler": training.scheduler.state_dict(),
        "scaler": training.scaler.state_dict(),
    }


def restore(
    training: Training, tensors: Mapping[str, torch.Tensor], tree: Mapping[str, Any]
) -> None:
    """Bring a fresh training to where another one of the same trial was.

    Args:
        training: of the same plan and settings, at its first step.
        tensors: what ``tensors_of`` gave.
        tree: what ``tree_of`` gave.
    """
    with torch.no_grad():
        for name, parameter in training.trained.items():
            parameter.copy_(tensors[_TRAINED + name])
    _restore_optimizer(training, tensors, tree["rates"])
    training.scheduler.load_state_dict(tree["scheduler"])
    training.scaler.load_state_dict(tree["scaler"])
    training.losses = list(tree["losses"])
    training.seconds = tree["seconds"]
    training.evaluated = tree["evaluated"]
    torch.set_rng_state(tensors[_RANDOM + "cpu"])
    device = training.learner.precision.device
    if device.type == "cuda":
        torch.cuda.set_rng_state(tensors[_RANDOM + "cuda"], device)


def _restore_optimizer(
    training: Training, tensors: Mapping[str, torch.Tensor], rates: list[float]
) -> None:
    index = {name: i for i, name in enumerate(_optimizer_order(training))}
    state: dict[int, dict[str, torch.Tensor]] = defaultdict(dict)
    for full, tensor in tensors.items():
        if full.startswith(_OPTIMIZER):
            key, name = full.removeprefix(_OPTIMIZER).split("/", 1)
            state[index[name]][key] = tensor
    groups = training.optimizer.state_dict()["param_groups"]
    for group, rate in zip(groups, rates, strict=True):
        group["lr"] = rate
    training.optimizer.load_state_dict({"state": dict(state), "param_groups": groups})


def _optimizer_order(training: Training) -> list[str]:
    """Names of the trained parameters as the optimiser numbers them."""
    names = {id(parameter): name for name, parameter in training.trained.items()}
    groups = training.optimizer.param_groups
    return [names[id(parameter)] for group in groups for parameter in group["params"]]
