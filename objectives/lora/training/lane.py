"""The training state of one trial: plan, parameters, optimiser, schedule and losses."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import torch
from torch import nn
from transformers import get_scheduler

from objectives.data.batches import token_batches
from objectives.data.prepare.windows import Windows
from objectives.lora.packed.lane_parameters import Adapters
from objectives.lora.packed.layout import LaneBatch
from objectives.lora.packed.model import PackedModel
from objectives.lora.settings import BindingSettings
from objectives.lora.task import Task
from objectives.metrics.loss import NonFiniteLossError, non_finite
from objectives.seeds import derive

_LAG = 16  # maximum steps between reads of a GPU's losses; each read synchronises the GPU


@dataclass(frozen=True)
class Plan:
    """The steps of a trial."""

    seed: int  # the trial's seed
    batches: tuple[tuple[int, ...], ...]  # window indices of each step
    evaluate_at: frozenset[int]  # numbers of completed steps, the last included


def plan_steps(
    lengths: Sequence[int],
    settings: BindingSettings,
    seed: int,
    units: Sequence[Sequence[int]] | None = None,
) -> Plan:
    """Plan all steps of a trial.

    Args:
        lengths: length of each unit (a training window, or those of a sequence) in tokens.
        settings: of batch size, epochs or steps, and frequency of evaluation.
        seed: the trial's seed, from which the data order is derived.
        units: the windows of each unit; None if each is one window.

    Raises:
        ValueError: if there are no training windows.
    """
    if not lengths:
        raise ValueError("there must be at least one training window, got none.")
    order = derive(seed, "order")
    batches: list[tuple[int, ...]] = []
    ends: set[int] = set()
    epochs = _as_written(settings.epochs)
    epoch = 0
    while len(batches) < settings.steps if settings.steps else epoch < epochs:
        drawn = token_batches(lengths, settings.batch_tokens, seed=order, epoch=epoch)
        share = Fraction(1) if settings.steps else min(Fraction(1), epochs - epoch)
        batches.extend(_windows(batch, units) for batch in drawn[: math.ceil(share * len(drawn))])
        ends.add(len(batches))
        epoch += 1
    total = settings.steps or len(batches)
    if isinstance(settings.evaluate_every, str):
        points = ends
    else:
        part = _as_written(settings.evaluate_every)
        points = {math.ceil(i * part * total) for i in range(1, math.ceil(1 / part))}
    evaluate_at = frozenset(point for point in points if point < total) | {total}
    return Plan(seed, tuple(batches[:total]), evaluate_at)


def _windows(batch: Sequence[int], units: Sequence[Sequence[int]] | None) -> tuple[int, ...]:
    if units is None:
        return tuple(batch)
    return tuple(window for unit in batch for window in units[unit])


def _as_written(number: float) -> Fraction:
    """The exact decimal value of a float, e.g. 1/10 for 0.1, so that ``ceil`` does not round up."""
    return Fraction(str(number))


class Lane:
    """The training state of one trial, advanced one step at a time.

    Args:
        adapters: the trained parameters, a lane of ``model``.
        model: the packed model.
        windows: the training windows that ``plan`` points into.
        plan: the windows of each step, and when to evaluate.
        task: what is learned, with the trial's settings of optimiser and schedule.

    Attributes:
        trained: the trained parameters by name.
        optimizer: AdamW over them.
        scheduler: of the learning rate.
        scaler: of the loss; enabled for float16 only.
        seconds: wall-clock seconds of the steps; of shared passes, its share by tokens.
        evaluated: number of steps done at the last evaluation.
        stopped: whether the trial was pruned before its last step.
        weight: class weights of the loss; None for equal weights.
        max_grad_norm: gradients are clipped to this norm.
    """

    def __init__(
        self,
        adapters: Adapters,
        model: PackedModel,
        windows: Windows,
        plan: Plan,
        task: Task,
    ) -> None:
        settings = task.settings
        self.task = task
        self.adapters = adapters
        self.model = model
        self.windows = windows
        self.plan = plan
        self.max_grad_norm = settings.max_grad_norm
        self._device = model.precision.device
        self.trained = adapters.named()
        self.weight = task.weight(windows, self._device)
        self.optimizer = make_optimizer(list(self.trained.values()), settings)
        self.scheduler = make_scheduler(self.optimizer, settings, len(plan.batches))
        half = model.precision.compute_dtype == torch.float16  # small gradients need scaling
        self.scaler = torch.amp.GradScaler(self._device.type, enabled=half)
        self._losses: list[float] = []
        self._unread: list[torch.Tensor] = []
        self.seconds = 0.0
        self.evaluated = 0
        self.stopped = False

    @property
    def steps(self) -> int:
        """Number of steps done."""
        return len(self._losses) + len(self._unread)

    @property
    def done(self) -> bool:
        """Whether all steps of the plan are done."""
        return self.steps == len(self.plan.batches)

    @property
    def due(self) -> bool:
        """Whether an evaluation is due before the next step."""
        return self.steps in self.plan.evaluate_at and self.evaluated < self.steps

    @property
    def tokens(self) -> int:
        """Number of tokens trained on so far."""
        lengths = self.windows.lengths
        return sum(lengths[i] for batch in self.plan.batches[: self.steps] for i in batch)

    @property
    def losses(self) -> list[float]:
        """The loss of each step, as the task defines it.

        Raises:
            NonFiniteLossError: if a loss is NaN or infinite, when it is first read.
        """
        if self._unread:
            read = torch.stack(self._unread).tolist()
            self._unread = []
            for loss in read:
                self._losses.append(loss)
                if not math.isfinite(loss):
                    where = f"step {len(self._losses)}"
                    raise NonFiniteLossError(non_finite("the loss", loss, where))
        return self._losses

    @losses.setter
    def losses(self, losses: Sequence[float]) -> None:
        self._losses, self._unread = list(losses), []

    def share(self) -> LaneBatch:
        """The batch of the next step."""
        batch = self.plan.batches[self.steps]
        return LaneBatch(self.adapters, self.windows, batch, self.steps + 1)

    def loss(self, logits: torch.Tensor, share: LaneBatch) -> torch.Tensor:
        """The loss of the next step.

        Args:
            logits: shape (tokens, outputs).
            share: the batch that they were computed from.

        Raises:
            NonFiniteLossError: on a CPU, if it is NaN or infinite; on a GPU ``losses`` raises it.
        """
        loss = self.task.loss(logits, share, self.weight)
        if self._device.type == "cpu" and not math.isfinite(loss.item()):
            where = f"step {self.steps + 1}"
            raise NonFiniteLossError(non_finite("the loss", loss.item(), where))
        return loss

    def update(self, loss: torch.Tensor) -> None:
        """Clip the gradients and take an optimiser step.

        Args:
            loss: from ``loss``.

        Raises:
            NonFiniteLossError: if this or one of the last 16 losses was NaN or infinite.
        """
        self.scaler.unscale_(self.optimizer)
        nn.utils.clip_grad_norm_(self.trained.values(), self.max_grad_norm)
        self.scaler.step(self.optimizer)
        self.scaler.update()
        self.optimizer.zero_grad(set_to_none=True)
        self.count(loss)

    def count(self, loss: torch.Tensor) -> None:
        """Record a step that was taken: advance the schedule and store its loss.

        Args:
            loss: of the step.

        Raises:
            NonFiniteLossError: see ``update``.
        """
        self.scheduler.step()
        self._unread.append(loss.detach())
        if len(self._unread) >= _LAG:
            _ = self.losses

    def undo(self) -> None:
        """Undo an unfinished step: drop its gradients."""
        self.model.zero_grad(self.adapters)

    def mean_loss(self) -> float:
        """Mean loss of the steps since the last evaluation; marks this step as evaluated."""
        mean = float(np.mean(self.losses[self.evaluated :]))
        self.evaluated = self.steps
        return mean

    def stop_at(self, step: int, seconds: float) -> None:
        """Mark the lane as pruned after an earlier step, at which it had trained ``seconds``."""
        self.losses = self.losses[:step]
        self.seconds = seconds
        self.stopped = True


def make_optimizer(trained: list[nn.Parameter], settings: BindingSettings) -> torch.optim.AdamW:
    """AdamW with weight decay on matrices only, not on biases and LayerNorm weights."""
    groups = [
        {"params": [p for p in trained if p.ndim > 1], "weight_decay": settings.weight_decay},
        {"params": [p for p in trained if p.ndim <= 1], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=settings.learning_rate, fused=True)


def make_scheduler(
    optimizer: torch.optim.Optimizer, settings: BindingSettings, steps: int
) -> torch.optim.lr_scheduler.LRScheduler:
    """Learning-rate schedule: warm-up, then linear or cosine decay to zero, or constant."""
    name = "constant_with_warmup" if settings.schedule == "constant" else settings.schedule
    return get_scheduler(
        name,
        optimizer,
        num_warmup_steps=math.ceil(settings.warmup * steps),
        num_training_steps=steps,
    )
