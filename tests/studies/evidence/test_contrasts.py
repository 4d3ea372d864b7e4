"""Paired differences against closed forms and published tables of power."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from studies.evidence.contrasts import chance_of_as_much, contrast, pairs_needed, power_of


def test_a_contrast_is_the_paired_t_interval() -> None:
    """Equal to SciPy's paired test, over the seeds of both arms."""
    rng = np.random.default_rng(0)
    first = dict(enumerate(rng.normal(size=9).tolist()))
    second = {seed: value + 0.3 + float(rng.normal()) for seed, value in first.items()}
    found = contrast({**first, 20: 5.0}, {**second, 21: -5.0})
    test = stats.ttest_rel([second[s] for s in first], [first[s] for s in first])
    interval = test.confidence_interval(0.95)

    assert found.pairs == 9
    assert found.mean == pytest.approx(np.mean([second[s] - first[s] for s in first]))
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high))


def test_the_interval_has_its_nominal_coverage() -> None:
    """2 000 times 5 pairs with a true difference of 0.4; binomial limits of 99.9 %."""
    rng = np.random.default_rng(1)
    hits = 0
    for _ in range(2000):
        first = dict(enumerate(rng.normal(size=5).tolist()))
        second = {seed: value + 0.4 + float(rng.normal()) for seed, value in first.items()}
        found = contrast(first, second)
        assert found.low is not None
        assert found.high is not None
        hits += found.low <= 0.4 <= found.high

    assert abs(hits / 2000 - 0.95) < 3.3 * math.sqrt(0.95 * 0.05 / 2000)


def test_one_pair_has_no_interval_and_none_is_refused() -> None:
    """One pair has a difference only."""
    single = contrast({0: 1.0}, {0: 1.5})

    assert (single.mean, single.low, single.high, single.sd) == (0.5, None, None, None)
    with pytest.raises(ValueError, match="share a seed"):
        contrast({0: 1.0}, {1: 1.0})


@pytest.mark.parametrize(("size", "pairs"), [(0.2, 199), (0.5, 34), (0.8, 15), (1.0, 10)])
def test_pairs_needed_agree_with_published_tables(size: float, pairs: int) -> None:
    """Cohen's effect sizes for a paired t-test, two-sided at 5 %, power 0.8 (G*Power 3.1)."""
    assert pairs_needed(0.02, 0.02 * size) == pairs
    assert power_of(pairs, 0.02, 0.02 * size) >= 0.8 > power_of(pairs - 1, 0.02, 0.02 * size)


def test_the_chance_of_a_difference_counts_pairs() -> None:
    """The share of pairs of four runs that differ by at least a tenth."""
    assert chance_of_as_much([0.0, 0.05, 0.1, 0.3], 0.099) == pytest.approx(4 / 6)
    assert chance_of_as_much([0.2, 0.2], 0.01) == 0.0
