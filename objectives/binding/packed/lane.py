"""The training loop of one trial, to be read from top to bottom."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

import numpy as np
import torch
from torch import nn
from transformers import get_scheduler

from objectives.binding.collate import Windows
from objectives.binding.learner import Learner
from objectives.binding.loss import NonFiniteLossError, class_weight, non_finite, residue_loss
from objectives.binding.plan import Plan
from objectives.binding.seeds import derive
from objectives.binding.settings import BindingSettings

Watch = Callable[[int, float], bool]
"""Called at each evaluation point with steps done and mean loss since the last; True stops."""

Stepped = Callable[[], None]
"""Called after each step."""


def _nothing() -> None:
    """A ``Stepped`` for trainings that nobody calls away."""


class Training:
    """One trial's training, a step at a time.

    Args:
        learner: the model, adapters attached; what requires a gradient is trained.
        windows: the training windows that ``plan`` points into.
        plan: which windows each step sees, and when to evaluate.
        settings: optimiser, schedule and loss.

    Attributes:
        trained: the parameters under training by name.
        optimizer: AdamW over them.
        scheduler: of its learning rate.
        scaler: of the loss, for float16 alone.
        losses: loss of each step, nats per residue (class-weighted if the settings say so).
        seconds: wall-clock seconds of the steps, evaluations excluded.
        evaluated: steps done at the last evaluation.
        stopped: whether the watcher asked to stop before the last step.
    """

    def __init__(
        self, learner: Learner, windows: Windows, plan: Plan, settings: BindingSettings
    ) -> None:
        self.learner = learner
        self.plan = plan
        self._windows = windows
        self._max_grad_norm = settings.max_grad_norm
        precision = learner.precision
        self.trained = {n: p for n, p in learner.model.named_parameters() if p.requires_grad}
        self._weight = class_weight(windows.labels, settings.class_weight, precision.device)
        self.optimizer = make_optimizer(list(self.trained.values()), settings)
        self.scheduler = make_scheduler(self.optimizer, settings, len(plan.batches))
        half = precision.compute_dtype == torch.float16  # whose small gradients need scaling
        self.scaler = torch.amp.GradScaler(precision.device.type, enabled=half)
        self.losses: list[float] = []
        self.seconds = 0.0
        self.evaluated = 0
        self.stopped = False

    @property
    def steps(self) -> int:
        """Steps done."""
        return len(self.losses)

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
        """Tokens trained on so far, padding excluded."""
        lengths = self._windows.lengths
        return sum(lengths[i] for batch in self.plan.batches[: self.steps] for i in batch)

    def step(self) -> None:
        """Make the next step.

        Raises:
            NonFiniteLossError: if the loss is NaN or infinite.
        """
        started = time.perf_counter()
        indices, step = self.plan.batches[self.steps], self.steps + 1
        torch.manual_seed(derive(self.plan.seed, "dropout", step))  # the same masks whatever ran
        logits, labels = self.learner.read(self._windows, indices)
        loss = residue_loss(logits, labels, self._weight)
        self.losses.append(loss.item())
        if not math.isfinite(self.losses[-1]):
            raise NonFiniteLossError(non_finite("the loss", self.losses[-1], f"step {step}"))
        self.scaler.scale(loss).backward()
        self.scaler.unscale_(self.optimizer)
        nn.utils.clip_grad_norm_(self.trained.values(), self._max_grad_norm)
        self.scaler.step(self.optimizer)
        self.scaler.update()
        self.scheduler.step()
        self.optimizer.zero_grad(set_to_none=True)
        self.seconds += time.perf_counter() - started

    def stop_at(self, step: int, seconds: float) -> None:
        """Count as stopped after an earlier step, which had taken so many seconds."""
        self.losses = self.losses[:step]
        self.seconds = seconds
        self.stopped = True


def finetune(training: Training, watch: Watch, stepped: Stepped = _nothing) -> None:
    """Make all steps that are left, and the evaluations between them.

    Args:
        training: fresh, or restored from a checkpoint.
        watch: evaluates; may stop the training.
        stepped: called after each step, before an evaluation that is due; may raise to leave.

    Raises:
        NonFiniteLossError: as soon as the loss is NaN or infinite.
    """
    training.learner.model.train()
    while not training.stopped:
        if training.due:  # after its step, or left undone by the run that made the step
            mean_loss = float(np.mean(training.losses[training.evaluated :]))
            training.evaluated = training.steps
            stop = watch(training.steps, mean_loss)
            training.stopped = stop and not training.done  # too late to stop once all is done
            training.learner.model.train()
        elif training.done:
            return
        else:
            training.step()
            stepped()


def make_optimizer(trained: list[nn.Parameter], settings: BindingSettings) -> torch.optim.AdamW:
    """AdamW; weight decay on matrices alone, not on biases and LayerNorm weights."""
    groups = [
        {"params": [p for p in trained if p.ndim > 1], "weight_decay": settings.weight_decay},
        {"params": [p for p in trained if p.ndim <= 1], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=settings.learning_rate)


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
