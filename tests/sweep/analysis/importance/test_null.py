"""The null distribution of shares, for parameters without effect."""

from __future__ import annotations

import numpy as np
import pytest
from few_trees import few_trees
from hypothesis import given
from hypothesis import strategies as st
from tables import designed_table, study_table, surface_table

from sweep.analysis.importance.importance import importance
from sweep.analysis.importance.methods import ALL_METHODS
from sweep.analysis.importance.resampling import null_shares, permuted
from sweep.analysis.importance.result import Method
from sweep.study.parameters import Choice, Float
from sweep.study.space import Space

METHODS = [
    pytest.param(each, marks=pytest.mark.integration if each == "permutation" else ())
    for each in ALL_METHODS
]
"""Each method; permutation's forests take longest."""
sizes = pytest.mark.parametrize(
    "trees", [4, pytest.param(64, marks=pytest.mark.slow)], ids=["few trees", "all trees"]
)


@given(st.lists(st.integers(0, 5), min_size=1, max_size=20), st.integers(0, 99))
def test_permuting_moves_means_and_keeps_differences_of_seeds(labels: list[int], seed: int) -> None:
    """The same means at other configurations, and the same differences of seeds within."""
    configurations = np.unique(labels, return_inverse=True)[1]
    y = np.random.default_rng(seed).normal(size=len(labels))

    moved = permuted(y, configurations, np.random.default_rng(seed))

    def means(values: np.ndarray) -> np.ndarray:  # type: ignore[type-arg]
        return np.bincount(configurations, weights=values) / np.bincount(configurations)

    assert sorted(means(moved)) == pytest.approx(sorted(means(y)))
    within = y - means(y)[configurations]
    assert moved - means(moved)[configurations] == pytest.approx(within, abs=1e-12)


def test_the_null_is_the_ninety_ninth_percentile() -> None:
    """For an estimate that returns 0, 1, 2, ..., 100."""
    answers = iter(range(101))

    found = null_shares(
        lambda y, seed: np.array([next(answers) + 0.0 * y.sum() * seed]),
        np.zeros(4),
        np.arange(4),
        n_null=101,
        seed=0,
    )

    assert found is not None
    assert found[0] == pytest.approx(99.0)


@sizes
@pytest.mark.parametrize("method", METHODS)
def test_pure_noise_stays_within_the_null(method: Method, trees: int) -> None:
    """At most one of 5 studies of noise has a parameter above its null.

    Each of two parameters exceeds its 99th percentile, estimated from 30 permutations, in about
    3 % of studies: two studies of 5 would have one that does in 3 of 100 such tests.
    """
    space = Space({"x1": Float(0.0, 1.0), "x2": Choice("a", "b", "c")})
    noise = np.random.default_rng(0)
    above = 0
    for seed in range(5):
        table = study_table(space, 30, lambda _: float(noise.normal()), seed)
        with few_trees(trees):
            result = importance(table, method=method, n_bootstrap=0, n_null=30)
        above += any(row.above_null for row in result.rows if row.role == "sampled")

    assert above <= 1


@sizes
@pytest.mark.parametrize("method", [each for each in METHODS if each.values != ("ped_anova",)])
def test_a_dominant_parameter_exceeds_the_null(method: Method, trees: int) -> None:
    """Target sets with a sd of eight times the noise, at 100 trials.

    Except with PED-ANOVA: the best tenth of 100 trials are only 10.
    """
    table = designed_table(100, {"targets": 0.06})

    with few_trees(trees):
        top = importance(table, method=method, n_bootstrap=0, n_null=40).row("targets")

    assert top.null is not None
    assert 0.0 <= top.null < top.share
    assert top.above_null


def test_without_a_null_nothing_is_called_above_it() -> None:
    """None in the records, and no claim."""
    result = importance(surface_table(20), n_bootstrap=0, n_null=0)

    assert {row.null for row in result.rows} == {None}
    assert result.n_null == 0


def test_every_row_has_its_own_null() -> None:
    """Pairs, groups and derived rows too, reproducibly."""
    first, again = (importance(surface_table(20), n_bootstrap=0, n_null=5) for _ in range(2))

    assert all(row.null is not None and 0.0 <= row.null <= 1.0 for row in first.rows)
    assert first == again
    assert len({row.null for row in first.rows}) > 3
