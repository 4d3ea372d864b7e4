"""Batches of windows by token budget, counted as packed: a window costs its own tokens."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np


def token_batches(lengths: Sequence[int], budget: int, *, seed: int, epoch: int) -> list[list[int]]:
    """Draw one epoch's training batches.

    Windows are drawn at random and fill one batch after the other. Nothing is sorted by
    length: a batch is packed without padding, so unequal lengths cost nothing, and every
    batch is a fair draw.

    Args:
        lengths: tokens of each window.
        budget: tokens that a batch's windows may have together; a longer window stands alone.
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
    """Cut windows into batches for scoring: longest first, always the same.

    Longest first, so that running out of memory shows in the first batch: of batches with
    as many tokens, attention makes the one with the longest windows the largest.

    Args:
        lengths: tokens of each window.
        budget: tokens that a batch's windows may have together; a longer window stands alone.

    Returns:
        Indices into ``lengths``, batch by batch, equal lengths in their given order; every
        index once.

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
