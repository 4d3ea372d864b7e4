"""A training's state, taken and given back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

from objectives.binding.adapter import AdapterConfig, attached
from objectives.binding.base import Precision
from objectives.binding.finetune import Training, finetune
from objectives.binding.inputs import Inputs
from objectives.binding.learner import Learner
from objectives.binding.plan import plan_steps
from objectives.binding.settings import BindingSettings
from objectives.binding.snapshot import restore, shapes, tensors_of, tree_of
from objectives.binding.targets import resolve

SETTINGS = BindingSettings(
    device="cpu", rank=2, targets="query", steps=6, batch_tokens=256, dropout=0.2
)


@contextmanager
def training(inputs: Inputs) -> Iterator[Training]:
    """A training at its first step, with the loss scaled as for float16."""
    base = inputs.base(Precision.from_settings(SETTINGS))
    modules = resolve(base.model, SETTINGS.targets, base.head).modules
    windows = inputs.splits.train
    with attached(base.model, AdapterConfig.from_settings(SETTINGS, modules), base.head, 0) as m:
        plan = plan_steps(windows.lengths, SETTINGS, 0)
        made = Training(Learner(m, base.precision, 1), windows, plan, SETTINGS)
        made.scaler = torch.amp.GradScaler("cpu", init_scale=64.0, growth_interval=2)
        yield made


def state(of: Training) -> tuple[dict[str, Any], dict[str, bytes]]:
    """All of it, comparable."""
    tree = json.loads(json.dumps(tree_of(of)))
    del tree["seconds"]
    flat = {name: t.detach().reshape(-1).view(torch.uint8) for name, t in tensors_of(of).items()}
    return tree, {name: t.numpy().tobytes() for name, t in flat.items()}


def test_a_restored_training_is_where_the_other_was(tiny_inputs: Inputs) -> None:
    """At once and after more steps: loss scale, its growth count and random numbers too."""
    with training(tiny_inputs) as first:
        for _ in range(3):
            first.step()
        tensors = {name: tensor.clone() for name, tensor in tensors_of(first).items()}
        tree = json.loads(json.dumps(tree_of(first)))
        here, drawn = state(first), torch.rand(3)
        finetune(first, lambda *_: False)
        end = state(first)
    with training(tiny_inputs) as second:
        fresh = state(second)
        restore(second, tensors, tree)
        assert state(second) == here
        assert torch.equal(torch.rand(3), drawn)
        finetune(second, lambda *_: False)
        assert state(second) == end

    assert fresh != here != end
    assert tree["scaler"]["scale"] == 128.0
    assert tree["scaler"]["_growth_tracker"] == 1
    assert second.seconds > tree["seconds"]


def test_names_and_shapes_are_those_of_the_trained_parameters(tiny_inputs: Inputs) -> None:
    """Adapters and head, nothing frozen; every moment has its parameter's shape."""
    with training(tiny_inputs) as made:
        made.step()
        tensors, found = tensors_of(made), shapes(made)

    assert len(found) == 2 * 2 + 2
    assert all("lora_" in name or "classifier" in name for name in found)
    for name, shape in found.items():
        assert list(tensors[f"trained/{name}"].shape) == shape
        assert list(tensors[f"optimizer/exp_avg/{name}"].shape) == shape
        assert list(tensors[f"optimizer/exp_avg_sq/{name}"].shape) == shape
        assert tensors[f"optimizer/step/{name}"].item() == 1
    assert len(tensors) == 4 * len(found) + 1
