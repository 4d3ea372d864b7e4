"""One trial's training: a step of it is this lane's share of a pass."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import nn
from transformers import get_scheduler

from objectives.data.prepare.windows import Windows
from objectives.lora.packed.lane_parameters import Adapters
from objectives.lora.packed.layout import LaneBatch
from objectives.lora.packed.model import PackedModel
from objectives.lora.settings import BindingSettings
from objectives.lora.training.schedule import Plan
from objectives.metrics.loss import NonFiniteLossError, class_weight, non_finite, residue_loss

_LAG = 16
"""Steps after which a GPU's losses are read at the latest; reading each would make it wait."""


class Lane:
    """One trial's training, a step at a time.

    Args:
        adapters: what is trained, admitted to ``model``.
        model: runs the passes.
        windows: the training windows that ``plan`` points into.
        plan: which windows each step sees, and when to evaluate.
        settings: optimiser, schedule and loss.

    Attributes:
        trained: the parameters under training by name.
        optimizer: AdamW over them.
        scheduler: of its learning rate.
        scaler: of the loss, for float16 alone.
        steps: steps done.
        seconds: wall-clock seconds of the steps, its share of those made with others.
        evaluated: steps done at the last evaluation.
        stopped: whether the pruner asked to stop before the last step.
        weight: of each class in the loss, shape (2,); None where they are equal.
        max_grad_norm: gradients are clipped to this norm.
    """

    def __init__(
        self,
        adapters: Adapters,
        model: PackedModel,
        windows: Windows,
        plan: Plan,
        settings: BindingSettings,
    ) -> None:
        self.adapters = adapters
        self.model = model
        self.windows = windows
        self.plan = plan
        self.max_grad_norm = settings.max_grad_norm
        self._device = model.precision.device
        self.trained = adapters.named()
        self.weight = class_weight(windows.labels, settings.class_weight, self._device)
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
        """Steps done."""
        return len(self._losses) + len(self._unread)

    @property
    def done(self) -> bool:
        """Whether no step is left."""
        return self.steps == len(self.plan.batches)

    @property
    def due(self) -> bool:
        """Whether an evaluation is to be made before the next step."""
        return self.steps in self.plan.evaluate_at and self.evaluated < self.steps

    @property
    def tokens(self) -> int:
        """Tokens trained on so far."""
        lengths = self.windows.lengths
        return sum(lengths[i] for batch in self.plan.batches[: self.steps] for i in batch)

    @property
    def losses(self) -> list[float]:
        """Loss of each step, nats per residue (class-weighted if the settings say so).

        Raises:
            NonFiniteLossError: if one of them is NaN or infinite.
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
        """What the next step reads."""
        batch = self.plan.batches[self.steps]
        return LaneBatch(self.adapters, self.windows, batch, self.steps + 1)

    def loss(self, logits: torch.Tensor, share: LaneBatch) -> torch.Tensor:
        """The loss of the next step.

        Args:
            logits: shape (tokens, 2).
            share: what they were computed from.

        Raises:
            NonFiniteLossError: if it is NaN or infinite; on a GPU ``losses`` says so later.
        """
        loss = residue_loss(logits, share.labels(self._device), self.weight)
        if self._device.type == "cpu" and not math.isfinite(loss.item()):
            where = f"step {self.steps + 1}"
            raise NonFiniteLossError(non_finite("the loss", loss.item(), where))
        return loss

    def update(self, loss: torch.Tensor) -> None:
        """Take the step whose gradients are there.

        Args:
            loss: what ``loss`` gave.

        Raises:
            NonFiniteLossError: if it or one of the last 16 was NaN or infinite.
        """
        self.scaler.unscale_(self.optimizer)
        nn.utils.clip_grad_norm_(self.trained.values(), self.max_grad_norm)
        self.scaler.step(self.optimizer)
        self.scaler.update()
        self.optimizer.zero_grad(set_to_none=True)
        self.count(loss)

    def count(self, loss: torch.Tensor) -> None:
        """Count a step as taken.

        Args:
            loss: of it.

        Raises:
            NonFiniteLossError: see ``update``.
        """
        self.scheduler.step()
        self._unread.append(loss.detach())
        if len(self._unread) >= _LAG:
            _ = self.losses

    def undo(self) -> None:
        """Forget a step that came to no end."""
        self.model.zero_grad(self.adapters)

    def mean_loss(self) -> float:
        """Mean loss of the steps since the last evaluation; counts as one now."""
        mean = float(np.mean(self.losses[self.evaluated :]))
        self.evaluated = self.steps
        return mean

    def stop_at(self, step: int, seconds: float) -> None:
        """Count as stopped after an earlier step, which had taken so many seconds."""
        self.losses = self.losses[:step]
        self.seconds = seconds
        self.stopped = True


def make_optimizer(trained: list[nn.Parameter], settings: BindingSettings) -> torch.optim.AdamW:
    """AdamW; weight decay on matrices alone, not on biases and LayerNorm weights."""
    groups = [
        {"params": [p for p in trained if p.ndim > 1], "weight_decay": settings.weight_decay},
        {"params": [p for p in trained if p.ndim <= 1], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=settings.learning_rate, fused=True)


def make_scheduler(
    optimizer: torch.optim.Optimizer, settings: BindingSettings, steps: int
) -> torch.optim.lr_scheduler.LRScheduler:
    """Warm-up, then linear or cosine decay to zero, or none."""
    name = "constant_with_warmup" if settings.schedule == "constant" else settings.schedule
    return get_scheduler(
        name,
        optimizer,
        num_warmup_steps=math.ceil(settings.warmup * steps),
        num_training_steps=steps,
    )
