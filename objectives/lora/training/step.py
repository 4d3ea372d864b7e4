"""One optimiser step of several lanes in one pass.

On a GPU all lanes are computed in batched products, and updated at once except in float16; on a
CPU lane by lane, so that each lane's results are bitwise equal to those of a pass by itself.
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

Guard = Callable[[Trial, Callable[[], object]], None]  # an exception fails the one trial


def step(group: Sequence[Trial], guard: Guard) -> None:
    """Take the next optimiser step of each lane.

    Lanes do not affect each other: a NaN or infinite loss fails its own trial only.

    Args:
        group: trials of one model.
        guard: called for the parts of the step that concern one trial.

    Raises:
        Exception: raised by the shared pass; then no lane has been updated.
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
    """Compute gradients lane by lane; return the losses of lanes that did not fail."""
    losses: dict[Trial, torch.Tensor] = {}
    made = group[0].model.logits(shares, skip=group[0].skip)
    for trial, logits, share in zip(group, made, shares, strict=True):
        guard(trial, partial(_compute_loss, losses, trial, logits, share))
    if losses:
        scaled = [trial.lane.scaler.scale(loss) for trial, loss in losses.items()]
        torch.autograd.backward(scaled)
    stacked = group[0].model.stacked.of(group[0].lane.adapters)
    if stacked is not None:
        stacked.scatter_gradients()
    return losses


def _compute_loss(
    losses: dict[Trial, torch.Tensor], trial: Trial, logits: torch.Tensor, share: LaneBatch
) -> None:
    losses[trial] = trial.lane.loss(logits, share)


def _all_at_once(
    lanes: Sequence[Lane], shares: Sequence[LaneBatch], *, skip: int
) -> Sequence[torch.Tensor]:
    """Take the step of all lanes in batched products; return the losses, not checked for NaN."""
    model = lanes[0].model
    adapters = [lane.adapters for lane in lanes]
    stacked, _ = model.stacked.get(adapters, training=True)
    layout, flat = model.run(shares, skip=skip)
    logits = flat.view(len(lanes), layout.room, -1)
    weights = [lane.weight for lane in lanes]
    losses = lanes[0].task.losses(logits, layout, weights)
    losses.sum().backward()
    gradient = stacked.gradient()
    if stacked.optimizer is None:
        stacked.optimizer = StackedAdamW(stacked, lanes)
    stacked.optimizer.step(gradient)
    return losses.detach().unbind()


def _share_out(seconds: float, shares: Sequence[LaneBatch], lanes: Sequence[Lane]) -> None:
    """Add to each lane its share of a pass's seconds, in proportion to its tokens."""
    tokens = sum(share.tokens for share in shares)
    for share, lane in zip(shares, lanes, strict=True):
        lane.seconds += seconds * share.tokens / tokens
