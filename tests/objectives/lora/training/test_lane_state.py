"""Saving and restoring a lane's state."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import torch

from objectives.lora.settings import BindingSettings
from objectives.lora.training.checkpoint import restore, shapes, tensors_of, tree_of
from objectives.lora.training.lane import Lane
from objectives.lora.training.trial import Trial

TrialOf = Callable[..., AbstractContextManager[Trial]]
Train = Callable[..., tuple[float, ...]]
SETTINGS = BindingSettings(
    device="cpu", rank=2, targets="query", steps=6, batch_tokens=256, dropout=0.2
)


@contextmanager
def begun(trial_of: TrialOf) -> Iterator[Trial]:
    """A trial before its first step, with loss scaling as for float16."""
    with trial_of(SETTINGS) as trial:
        trial.lane.scaler = torch.amp.GradScaler("cpu", init_scale=64.0, growth_interval=2)
        yield trial


def state(of: Lane) -> tuple[dict[str, Any], dict[str, bytes]]:
    """The whole state, in comparable form."""
    tree = json.loads(json.dumps(tree_of(of)))
    del tree["seconds"]
    flat = {name: t.detach().reshape(-1).view(torch.uint8) for name, t in tensors_of(of).items()}
    return tree, {name: t.numpy().tobytes() for name, t in flat.items()}


def test_a_restored_lane_equals_the_original(trial_of: TrialOf, train: Train) -> None:
    """At once and after more steps: loss scale, its growth count and dropout masks too."""
    with begun(trial_of) as first:
        train(first, 3)
        tensors = {name: tensor.clone() for name, tensor in tensors_of(first.lane).items()}
        tree = json.loads(json.dumps(tree_of(first.lane)))
        here = state(first.lane)
        train(first)
        end = state(first.lane)
    with begun(trial_of) as second:
        fresh = state(second.lane)
        restore(second.lane, tensors, tree)
        assert state(second.lane) == here
        train(second)
        assert state(second.lane) == end

    assert fresh != here != end
    assert tree["scaler"]["scale"] == 128.0
    assert tree["scaler"]["_growth_tracker"] == 1
    assert second.lane.seconds > tree["seconds"]


def test_names_and_shapes_are_those_of_the_trained_parameters(
    trial_of: TrialOf, train: Train
) -> None:
    """Adapters and head, nothing frozen; every moment has its parameter's shape."""
    with begun(trial_of) as made:
        train(made, 1)
        tensors, found = tensors_of(made.lane), shapes(made.lane)

    assert len(found) == 2 * 2 + 2
    assert all("lora_" in name or "classifier" in name for name in found)
    for name, shape in found.items():
        assert list(tensors[f"trained/{name}"].shape) == shape
        assert list(tensors[f"optimizer/exp_avg/{name}"].shape) == shape
        assert list(tensors[f"optimizer/exp_avg_sq/{name}"].shape) == shape
        assert tensors[f"optimizer/step/{name}"].item() == 1
    assert len(tensors) == 4 * len(found)
