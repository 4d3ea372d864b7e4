"""Which windows each step of a trial sees, settled before the first."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from objectives.data.batches import token_batches
from objectives.lora.settings import BindingSettings
from objectives.seeds import derive


@dataclass(frozen=True)
class Plan:
    """The steps of a trial.

    Attributes:
        seed: the trial's seed.
        batches: window indices of each step.
        evaluate_at: steps done at which the trial is evaluated; the last always is.
    """

    seed: int
    batches: tuple[tuple[int, ...], ...]
    evaluate_at: frozenset[int]


def plan_steps(lengths: Sequence[int], settings: BindingSettings, seed: int) -> Plan:
    """Lay out all steps of a trial.

    Args:
        lengths: tokens of each training window.
        settings: budget of a batch, epochs or steps, and how often to evaluate.
        seed: the trial's seed; decides the order of the data, and later the dropout.

    Raises:
        ValueError: if there is no window; a number of steps would never be reached.
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
        batches.extend(tuple(batch) for batch in drawn[: math.ceil(share * len(drawn))])
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


def _as_written(number: float) -> Fraction:
    """0.1 as a tenth: three times the float next to it is more, and would cost a step."""
    return Fraction(str(number))
