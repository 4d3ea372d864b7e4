"""Batches of windows under a token budget.

Batches are packed without padding, so a window costs only its own tokens.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np


def token_batches(lengths: Sequence[int], budget: int, *, seed: int, epoch: int) -> list[list[int]]:
    """Draw one epoch's training batches.

    The windows are shuffled and fill one batch after the other. They are not sorted by length:
    without padding, unequal lengths cost nothing, and every batch is a random sample.

    Args:
        lengths: tokens of each window.
        budget: most tokens of a batch; a longer window is a batch of its own.
        seed: of the trial; with ``epoch`` the only source of randomness.
        epoch: from 0.

    Returns:
        Indices into ``lengths``, batch by batch in the order of drawing; every index once.

    Raises:
        ValueError: if the budget is below 1, or a seed or epoch negative.
    """
    random = np.random.default_rng([seed, epoch])
    return _cut(lengths, random.permutation(len(lengths)).tolist(), budget)


def eval_batches(lengths: Sequence[int], budget: int) -> list[list[int]]:
    """Group windows into batches for evaluation, longest first; deterministic.

    Longest first, so that an out-of-memory error occurs in the first batch: among batches of
    equally many tokens, the one with the longest windows needs the most memory for attention.

    Args:
        lengths: tokens of each window.
        budget: most tokens of a batch; a longer window is a batch of its own.

    Returns:
        Indices into ``lengths``, batch by batch, each once; equal lengths in their given order.

    Raises:
        ValueError: if the budget is below 1.
    """
    return _cut(lengths, sorted(range(len(lengths)), key=lambda index: -lengths[index]), budget)


def _cut(lengths: Sequence[int], order: Iterable[int], budget: int) -> list[list[int]]:
    """Fill batches in the given order, each until the next window would exceed the budget."""
    if budget < 1:
        raise ValueError(f"budget must be at least 1 token, got {budget}.")
    batches: list[list[int]] = []
    room = 0
    for index in order:
        tokens = int(lengths[index])
        if batches and tokens <= room:
            batches[-1].append(index)
            room -= tokens
        else:
            batches.append([index])
            room = budget - tokens
    return batches
