"""Trains packs of trials and records each lane's results."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open

from objectives.lora.settings import BindingSettings
from objectives.lora.training.checkpoint import FILE
from objectives.lora.training.inputs import Inputs
from objectives.lora.training.pack import PackTrainer
from objectives.lora.training.trial import Trial
from sweep.study.trial import Failure, Leave, Refill, TrialParams, TrialResult, stay

Curve = list[tuple[int, float, dict[str, float]]]


class Watch:
    """A ``Report`` callback that records each trial's reports, and may prune one.

    Args:
        stops: trial number to the step at which the pruner asks it to stop.

    Attributes:
        curves: reports by trial number.
        order: trial numbers in order of their reports.
    """

    def __init__(self, stops: Mapping[int, int] | None = None) -> None:
        self.stops = stops or {}
        self.curves: dict[int, Curve] = {}
        self.order: list[int] = []

    def __call__(self, number: int, step: int, value: float, metrics: Mapping[str, float]) -> bool:
        """Record a report."""
        self.curves.setdefault(number, []).append((step, value, dict(metrics)))
        self.order.append(number)
        return self.stops.get(number) == step


@dataclass
class Run:
    """A trial that was trained in a pack.

    Attributes:
        trial: its state after the pack.
        start: its initial parameters, in PEFT's shapes.
        curve: its reports.
        result: its result.
    """

    trial: Trial
    start: dict[str, torch.Tensor]
    curve: Curve
    result: TrialResult | None = None

    @property
    def losses(self) -> list[float]:
        """The loss of each step."""
        return list(self.trial.lane.losses)

    @property
    def bits(self) -> tuple[Any, ...]:
        """All that must not depend on the pack: losses, reported metrics, final weights."""
        state = self.trial.lane.adapters.state()
        weights = {name: tensor.numpy().tobytes() for name, tensor in state.items()}
        return self.losses, self.curve, weights


def run_pack(
    inputs: Inputs,
    fixed: BindingSettings,
    pack: Sequence[TrialParams],
    *,
    stops: Mapping[int, int] | None = None,
    leave: Leave = stay,
    refill: Refill | None = None,
) -> dict[int, Run]:
    """Train a pack.

    Args:
        inputs: base and data.
        fixed: the study's settings.
        pack: the trials that start together.
        stops: see ``Watch``.
        leave: see ``PackTrainer``.
        refill: see ``PackTrainer``.

    Returns:
        The runs by trial number.
    """
    torch.set_num_threads(fixed.threads)
    runs: dict[int, Run] = {}
    watch = Watch(stops)

    def enter(params: TrialParams) -> Trial:
        trial = Trial(params, fixed, inputs, watch)
        start = {n: t.clone() for n, t in trial.lane.adapters.state().items()}
        curve = watch.curves.setdefault(params.number, [])
        runs[params.number] = Run(trial, start, curve)
        return trial

    def failed(params: TrialParams, error: Exception, seconds: float) -> TrialResult:
        return TrialResult.failed(params.number, Failure.from_exception(error), seconds)

    for result in PackTrainer(enter, failed, watch, leave, refill).run(pack):
        if result.number in runs:
            runs[result.number].result = result
    return runs


def checkpoint_bits(folder: str | Path) -> tuple[dict[str, Any], dict[str, bytes]]:
    """Metadata and tensors of a trial's checkpoint, without times.

    Losses, rates, evaluations; every weight and moment.
    """
    with safe_open(Path(folder) / FILE, framework="pt") as file:
        tensors = {n: t.reshape(-1).view(torch.uint8) for n, t in file.get_tensors().items()}
        tree = json.loads(file.metadata()["lorasweep"])
    del tree["seconds"], tree["peak_memory_bytes"], tree["training"]["seconds"]
    for point in tree["points"]:
        del point["seconds"]
    return tree, {name: tensor.numpy().tobytes() for name, tensor in tensors.items()}
