"""Batches by token budget."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from objectives.data.batches import eval_batches, token_batches

LENGTHS = st.lists(st.integers(1, 300), max_size=80)


def lognormal_lengths() -> list[int]:
    """Lengths as proteins have them."""
    draws = np.random.default_rng(0).lognormal(np.log(260), 0.6, 2000)
    return [int(length) for length in np.clip(draws, 30, 1022)]


@given(LENGTHS, st.integers(1, 500), st.integers(0, 9), st.integers(0, 9))
@settings(deadline=None)
def test_every_window_is_in_one_batch_within_the_budget(
    lengths: list[int], budget: int, seed: int, epoch: int
) -> None:
    """Nothing is lost or repeated; only a window above the budget exceeds it, alone."""
    for batches in (
        token_batches(lengths, budget, seed=seed, epoch=epoch),
        eval_batches(lengths, budget),
    ):
        assert sorted(index for batch in batches for index in batch) == list(range(len(lengths)))
        for batch in batches:
            cost = max(lengths[index] for index in batch) * len(batch)
            assert cost <= budget or len(batch) == 1


def test_batches_depend_on_seed_and_epoch_alone() -> None:
    """The same seed and epoch give the same batches; another of either gives others."""
    lengths = lognormal_lengths()
    first = token_batches(lengths, 4096, seed=1, epoch=0)

    assert token_batches(lengths, 4096, seed=1, epoch=0) == first
    for seed, epoch in ((1, 1), (2, 0)):
        other = token_batches(lengths, 4096, seed=seed, epoch=epoch)
        assert {frozenset(batch) for batch in other} != {frozenset(batch) for batch in first}


def test_little_of_a_batch_is_padding_and_lengths_come_in_no_order() -> None:
    """Bucketing keeps padding under 15 %, and training does not run from short to long."""
    lengths = np.array(lognormal_lengths())

    batches = token_batches(lengths.tolist(), 4096, seed=0, epoch=0)

    cost = sum(int(lengths[batch].max()) * len(batch) for batch in batches)
    assert cost / lengths.sum() < 1.15
    means = [float(lengths[batch].mean()) for batch in batches]
    assert abs(np.corrcoef(means, np.arange(len(means)))[0, 1]) < 0.3


def test_scoring_starts_with_the_longest() -> None:
    """Running out of memory shows in the first batch."""
    assert eval_batches([3, 9, 5, 9], 18) == [[1, 3], [2, 0]]


def test_budget_below_one_token_is_refused() -> None:
    """A batch holds something."""
    with pytest.raises(ValueError, match="budget must be at least 1 token, got 0"):
        eval_batches([3], 0)


def test_a_batch_is_as_full_as_the_budget_allows() -> None:
    """A long window before does not make the batches after it smaller."""
    assert eval_batches([9, 3, 3, 3, 3], 9) == [[0], [1, 2, 3], [4]]
