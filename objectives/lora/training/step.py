"""One optimiser step of several lanes in one pass.

A GPU takes it for all lanes at once, a CPU lane by lane, each as if it were alone: there the
lanes' numbers are computed the same whatever lies beside them, bit by bit.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial

import torch

from objectives.lora.packed.layout import LaneBatch
from objectives.lora.packed.stacked_adamw import StackedAdamW
from objectives.lora.training.lane import Lane
from objectives.lora.training.trial import Trial
from objectives.metrics.loss import lane_losses

Guard = Callable[[Trial, Callable[[], object]], None]
"""Does what concerns one trial alone, and keeps what it raises from the others."""


def step(group: Sequence[Trial], guard: Guard) -> None:
    """Make the next step of each lane.

    No lane's numbers enter another's: a loss that is not finite ends its own trial and is
    left out of the backward pass.

    Args:
        group: trials of one model.
        guard: takes what one lane alone raises.

    Raises:
        Exception: what the pass raised; no lane has moved then.
    """
    started = time.perf_counter()
    lanes = [trial.lane for trial in group]
    shares = [lane.share() for lane in lanes]
    try:
        if group[0].model.batched and not lanes[0].scaler.is_enabled():
            losses = _all_at_once(lanes, shares, skip=group[0].skip)
            for trial, loss in zip(group, losses, strict=True):
                guard(trial, partial(trial.lane.count, loss))
        else:
            for trial, loss in _one_by_one(group, shares, guard).items():
                guard(trial, partial(trial.lane.update, loss))
    except BaseException:
        for lane in lanes:
            lane.undo()
        raise
    _share_out(time.perf_counter() - started, shares, lanes)


def _one_by_one(
    group: Sequence[Trial], shares: Sequence[LaneBatch], guard: Guard
) -> dict[Trial, torch.Tensor]:
    """The losses, of the lanes where they are finite, and the gradients."""
    losses: dict[Trial, torch.Tensor] = {}
    made = group[0].model.logits(shares, skip=group[0].skip)
    for trial, logits, share in zip(group, made, shares, strict=True):
        guard(trial, partial(_judge, losses, trial, logits, share))
    if losses:
        scaled = [trial.lane.scaler.scale(loss) for trial, loss in losses.items()]
        torch.autograd.backward(scaled)
    stacked = group[0].model.stacked.of(group[0].lane.adapters)
    if stacked is not None:
        stacked.scatter_gradients()
    return losses


def _judge(
    losses: dict[Trial, torch.Tensor], trial: Trial, logits: torch.Tensor, share: LaneBatch
) -> None:
    losses[trial] = trial.lane.loss(logits, share)


def _all_at_once(
    lanes: Sequence[Lane], shares: Sequence[LaneBatch], *, skip: int
) -> Sequence[torch.Tensor]:
    """The step whole; the losses, which may be of any size, NaN among them."""
    model = lanes[0].model
    adapters = [lane.adapters for lane in lanes]
    stacked, _ = model.stacked.get(adapters, training=True)
    layout, flat = model.run(shares, skip=skip)
    logits = flat.view(len(lanes), layout.room, -1)
    weights = [lane.weight for lane in lanes]
    losses = lane_losses(logits, layout.labels(flat.device), weights)
    losses.sum().backward()
    gradient = stacked.gradient()
    if stacked.optimizer is None:
        stacked.optimizer = StackedAdamW(stacked, lanes)
    stacked.optimizer.step(gradient)
    return losses.detach().unbind()


def _share_out(seconds: float, shares: Sequence[LaneBatch], lanes: Sequence[Lane]) -> None:
    """Divide the seconds of a pass among its lanes by their tokens."""
    tokens = sum(share.tokens for share in shares)
    for share, lane in zip(shares, lanes, strict=True):
        lane.seconds += seconds * share.tokens / tokens
