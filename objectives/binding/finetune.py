"""The training loop of one trial, to be read from top to bottom."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn.functional import cross_entropy
from transformers import get_scheduler

from objectives.binding.base import CLASSES
from objectives.binding.collate import Windows
from objectives.binding.learner import Learner
from objectives.binding.plan import Plan
from objectives.binding.seeds import derive
from objectives.binding.settings import BindingSettings
from objectives.data.chain import IGNORED
from sweep.errors import TrialError, fault

Watch = Callable[[int, float], bool]
"""Called at each evaluation point with steps done and mean loss since the last; True stops."""


class NonFiniteLossError(TrialError):
    """The loss or the logits became NaN or infinite."""


@dataclass(frozen=True)
class Training:
    """What happened while training.

    Attributes:
        losses: loss of each step, nats per residue (class-weighted if the settings say so).
        tokens: tokens trained on, padding excluded.
        seconds: wall-clock seconds of the steps, evaluations excluded.
        stopped: whether ``watch`` asked to stop before the last step.
    """

    losses: tuple[float, ...]
    tokens: int
    seconds: float
    stopped: bool


def finetune(
    learner: Learner, windows: Windows, plan: Plan, settings: BindingSettings, watch: Watch
) -> Training:
    """Train whatever in the model requires a gradient.

    Args:
        learner: the model, adapters attached.
        windows: the training windows that ``plan`` points into.
        plan: which windows each step sees, and when to evaluate.
        settings: optimiser, schedule and loss.
        watch: evaluates; may stop the training.

    Raises:
        NonFiniteLossError: as soon as the loss is NaN or infinite.
    """
    precision = learner.precision
    trained = [p for p in learner.model.parameters() if p.requires_grad]
    weight = class_weight(windows.labels, settings.class_weight, precision.device)
    optimizer = make_optimizer(trained, settings)
    scheduler = make_scheduler(optimizer, settings, len(plan.batches))
    half = precision.compute_dtype == torch.float16  # whose small gradients need scaling
    scaler = torch.amp.GradScaler(precision.device.type, enabled=half)
    losses: list[float] = []
    tokens, seconds, watched, stop = 0, 0.0, 0, False

    learner.model.train()
    for step, indices in enumerate(plan.batches, start=1):
        started = time.perf_counter()
        torch.manual_seed(derive(plan.seed, "dropout", step))  # the same masks whatever ran
        logits, labels = learner.read(windows, indices)
        loss = residue_loss(logits, labels, weight)
        losses.append(loss.item())
        if not math.isfinite(losses[-1]):
            raise NonFiniteLossError(non_finite("the loss", losses[-1], f"step {step}"))
        scaler.scale(loss).backward()
        scaler.unscale_(optimizer)
        nn.utils.clip_grad_norm_(trained, settings.max_grad_norm)
        scaler.step(optimizer)
        scaler.update()
        scheduler.step()
        optimizer.zero_grad(set_to_none=True)
        tokens += sum(len(windows.input_ids[i]) for i in indices)
        seconds += time.perf_counter() - started
        if step in plan.evaluate_at:
            stop = watch(step, float(np.mean(losses[watched:])))
            watched = step
            if stop:
                break
            learner.model.train()
    unfinished = len(losses) < len(plan.batches)  # asked to stop after the last step: it is done
    return Training(tuple(losses), tokens, seconds, stopped=stop and unfinished)


def residue_loss(
    logits: torch.Tensor, labels: torch.Tensor, weight: torch.Tensor | None
) -> torch.Tensor:
    """Mean cross-entropy over the labelled residues of a batch, in nats.

    Args:
        logits: shape (windows, length, 2).
        labels: shape (windows, length), ``IGNORED`` where nothing is known.
        weight: of each class, shape (2,); the mean is weighted by it.
    """
    return cross_entropy(
        logits.view(-1, CLASSES), labels.view(-1), weight=weight, ignore_index=IGNORED
    )


def class_weight(
    labels: Iterable[NDArray[np.int64]], setting: str | float, device: torch.device
) -> torch.Tensor | None:
    """The weight of each class in the loss, shape (2,); None when they are equal.

    Raises:
        TrialError: if ``balanced`` is asked for and a class is missing.
    """
    if setting == "none":
        return None
    if setting != "balanced":
        return torch.tensor([1.0, float(setting)], device=device)
    flat = np.concatenate(list(labels))
    counts = np.bincount(flat[flat != IGNORED], minlength=CLASSES)
    if not counts.all():
        rule = "not be 'balanced' when the training residues are all of one class"
        raise TrialError(fault("class_weight", rule, setting, where=f"counts {counts.tolist()}"))
    balanced = counts.sum() / (CLASSES * counts)
    return torch.tensor(balanced, dtype=torch.float32, device=device)


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


def non_finite(what: str, got: object, where: str) -> str:
    """The sentence for numbers that ran away, with what usually helps."""
    way_out = "Lower the learning rate or max_grad_norm, or raise warmup"
    return fault(what, "be finite", got, where=where, way_out=way_out)
