"""Batches of windows by token budget, drawn so that little of a batch is padding."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

_SPREAD = 0.1
"""Lengths are sorted after a random change of up to this share, so that neighbours differ
from epoch to epoch while a batch's lengths stay alike."""


def token_batches(lengths: Sequence[int], budget: int, *, seed: int, epoch: int) -> list[list[int]]:
    """Draw one epoch's training batches.

    A batch costs its longest window times its count, what a padded batch computes. A window
    above the budget stands alone.

    Args:
        lengths: tokens of each window.
        budget: tokens that a batch may cost, padding included.
        seed: of the trial; with ``epoch`` the only source of randomness.
        epoch: from 0.

    Returns:
        Indices into ``lengths``, batch by batch in random order; every index once.

    Raises:
        ValueError: if the budget is below 1, or a seed or epoch negative.
    """
    random = np.random.default_rng([seed, epoch])
    tokens = np.asarray(lengths, dtype=np.int64)
    order = np.argsort(tokens * random.uniform(1 - _SPREAD, 1 + _SPREAD, len(tokens)))
    batches = _cut(tokens, order.tolist(), budget)
    return [batches[index] for index in random.permutation(len(batches))]


def eval_batches(lengths: Sequence[int], budget: int) -> list[list[int]]:
    """Cut windows into batches for scoring: longest first, always the same.

    Longest first, so that running out of memory shows in the first batch.

    Args:
        lengths: tokens of each window.
        budget: tokens that a batch may cost, padding included.

    Returns:
        Indices into ``lengths``, batch by batch; every index once.

    Raises:
        ValueError: if the budget is below 1.
    """
    tokens = np.asarray(lengths, dtype=np.int64)
    return _cut(tokens, np.argsort(-tokens, kind="stable").tolist(), budget)


def _cut(tokens: np.ndarray, order: Iterable[int], budget: int) -> list[list[int]]:
    """Fill batches in the given order, each as far as the budget allows."""
    if budget < 1:
        raise ValueError(f"budget must be at least 1 token, got {budget}.")
    batches: list[list[int]] = []
    longest = 0
    for index in order:
        longest = max(longest, int(tokens[index]))
        if batches and longest * (len(batches[-1]) + 1) <= budget:
            batches[-1].append(index)
        else:
            batches.append([index])
            longest = int(tokens[index])
    return batches
