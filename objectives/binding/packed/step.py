"""One optimiser step of several lanes in one pass."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial

import torch

from objectives.binding.packed.lane import Lane
from objectives.binding.packed.layout import Share
from objectives.binding.packed.trial import Trial

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
    lanes = {trial: trial.lane for trial in group}
    shares = [lane.share() for lane in lanes.values()]
    losses: dict[Trial, torch.Tensor] = {}
    try:
        made = group[0].model.logits(shares, skip=group[0].skip)
        for trial, logits, share in zip(group, made, shares, strict=True):
            guard(trial, partial(_judge, losses, trial, logits, share))
        if losses:
            scaled = [trial.lane.scaler.scale(loss) for trial, loss in losses.items()]
            torch.autograd.backward(scaled)
    except BaseException:
        for lane in lanes.values():
            lane.undo()
        raise
    for trial, loss in losses.items():
        guard(trial, partial(trial.lane.update, loss))
    _share_out(time.perf_counter() - started, shares, list(lanes.values()))


def _judge(
    losses: dict[Trial, torch.Tensor], trial: Trial, logits: torch.Tensor, share: Share
) -> None:
    losses[trial] = trial.lane.loss(logits, share)


def _share_out(seconds: float, shares: Sequence[Share], lanes: Sequence[Lane]) -> None:
    """Divide the seconds of a pass among its lanes by their tokens."""
    tokens = sum(share.tokens for share in shares)
    for share, lane in zip(shares, lanes, strict=True):
        lane.seconds += seconds * share.tokens / tokens
