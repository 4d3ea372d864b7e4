"""The plan of a trial: the windows of each step and the evaluations, fixed before training."""

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
        evaluate_at: numbers of completed steps at which to evaluate; includes the last.
    """

    seed: int
    batches: tuple[tuple[int, ...], ...]
    evaluate_at: frozenset[int]


def plan_steps(lengths: Sequence[int], settings: BindingSettings, seed: int) -> Plan:
    """Plan all steps of a trial.

    Args:
        lengths: length of each training window in tokens.
        settings: of batch size, epochs or steps, and frequency of evaluation.
        seed: the trial's seed, from which the data order is derived.

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
    """The exact decimal value of a float, e.g. 1/10 for 0.1, so that ``ceil`` does not round up."""
    return Fraction(str(number))
