"""Batches by token budget."""

from __future__ import annotations

from itertools import chain, pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from objectives.data.batches import eval_batches, token_batches

LENGTHS = st.lists(st.integers(1, 300), max_size=80)
BUDGET = st.integers(1, 1200)
SEED = st.integers(0, 2**32)


def lognormal_lengths() -> list[int]:
    """Protein-like chain lengths."""
    draws = np.random.default_rng(0).lognormal(np.log(260), 0.6, 2000)
    return [int(length) for length in np.clip(draws, 30, 1022)]


@given(LENGTHS, BUDGET, SEED, SEED)
@settings(deadline=None)
def test_every_window_is_in_one_batch_and_batches_fill_the_budget(
    lengths: list[int], budget: int, seed: int, epoch: int
) -> None:
    """Nothing is lost or repeated, and no batch ends while the next window would fit."""
    for batches in (
        token_batches(lengths, budget, seed=seed, epoch=epoch),
        eval_batches(lengths, budget),
    ):
        assert sorted(chain.from_iterable(batches)) == list(range(len(lengths)))
        costs = [sum(lengths[index] for index in batch) for batch in batches]
        for batch, cost in zip(batches, costs, strict=True):
            assert cost <= budget or len(batch) == 1
        for cost, following in zip(costs, batches[1:], strict=False):
            assert cost + lengths[following[0]] > budget


@given(LENGTHS, BUDGET, BUDGET, SEED)
@settings(deadline=None)
def test_the_order_of_windows_depends_on_seed_and_epoch_only(
    lengths: list[int], budget: int, other: int, seed: int
) -> None:
    """Lengths and budget only cut the order into batches."""
    drawn = token_batches(lengths, budget, seed=seed, epoch=3)
    one_by_one = token_batches([1] * len(lengths), other, seed=seed, epoch=3)

    assert token_batches(lengths, budget, seed=seed, epoch=3) == drawn
    assert list(chain.from_iterable(drawn)) == list(chain.from_iterable(one_by_one))


@given(st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1))
@settings(deadline=None)
def test_another_seed_or_epoch_draws_other_batches(seed: int, epoch: int) -> None:
    """Of 80 windows no two orders are the same by chance."""
    lengths = lognormal_lengths()[:80]
    drawn = [
        {frozenset(batch) for batch in token_batches(lengths, 1536, seed=s, epoch=e)}
        for s, e in ((seed, epoch), (seed + 1, epoch), (seed, epoch + 1))
    ]

    assert all(drawn[0] != other for other in drawn[1:])


def test_long_and_short_windows_are_mixed() -> None:
    """A batch's lengths vary as much as all lengths, and do not grow over the epoch."""
    lengths = np.array(lognormal_lengths())
    batches = token_batches(lengths.tolist(), 8192, seed=0, epoch=0)

    within = np.mean([float(lengths[batch].var()) for batch in batches[:-1]])
    assert within / lengths.var() > 0.8
    means = [float(lengths[batch].mean()) for batch in batches]
    assert abs(np.corrcoef(means, np.arange(len(means)))[0, 1]) < 0.3


def test_batches_come_close_to_the_budget() -> None:
    """Less than half a mean window of 4096 tokens is unused, so steps are alike."""
    lengths = lognormal_lengths()
    batches = token_batches(lengths, 4096, seed=0, epoch=0)

    assert sum(lengths) / (4096 * len(batches)) > 0.93


@given(LENGTHS, BUDGET)
@settings(deadline=None)
def test_scoring_goes_from_long_to_short_and_keeps_the_order_of_equals(
    lengths: list[int], budget: int
) -> None:
    """So that running out of memory shows in the first batch, deterministically."""
    order = list(chain.from_iterable(eval_batches(lengths, budget)))

    for first, second in pairwise(order):
        assert (-lengths[first], first) < (-lengths[second], second)


def test_a_window_above_the_budget_is_alone_and_takes_no_room_from_others() -> None:
    """Tokens are added up: 3 + 3 + 3 fill a budget of 9 after the window of 12."""
    assert eval_batches([3, 12, 3, 3, 3], 9) == [[1], [0, 2, 3], [4]]
    assert eval_batches([3, 9, 5, 9], 18) == [[1, 3], [2, 0]]


def test_no_windows_make_no_batches() -> None:
    """An empty split gives an empty list."""
    assert eval_batches([], 9) == token_batches([], 9, seed=0, epoch=0) == []


def test_budget_below_one_token_is_refused() -> None:
    """A batch needs at least one token."""
    with pytest.raises(ValueError, match="budget must be at least 1 token, got 0"):
        eval_batches([3], 0)
    with pytest.raises(ValueError, match="budget must be at least 1 token, got -1"):
        token_batches([], -1, seed=0, epoch=0)


@pytest.mark.parametrize(("seed", "epoch"), [(-1, 0), (0, -1)])
def test_a_negative_seed_or_epoch_is_refused(seed: int, epoch: int) -> None:
    """NumPy's generators take no negative seed."""
    with pytest.raises(ValueError, match="non-negative"):
        token_batches([3], 9, seed=seed, epoch=epoch)
