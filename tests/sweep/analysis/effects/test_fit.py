"""Weighted least squares and F tests, against numpy and scipy."""

from __future__ import annotations

import numpy as np
import pytest
from judged import line, names, ordered, sample_of
from scipy import stats

from sweep.analysis.effects.fit import fit, improvement
from sweep.analysis.effects.model import Block, Model

RNG = np.random.default_rng(5)
X = RNG.uniform(-1, 1, 40)
LEVELS = RNG.permutation(np.arange(40) % 4)
Y = 0.3 * X + 0.1 * (LEVELS == 2) + RNG.normal(0.0, 0.1, 40)
SEEDS = RNG.integers(2, 5, 40)
AXES = (line(X), names(LEVELS, 4))
MAIN = Model(AXES, (Block((0,), (2,)), Block((1,), (1,))))


def test_coefficients_equal_weighted_least_squares() -> None:
    """Rows multiplied by the root of their number of seeds, solved by numpy."""
    sample = sample_of(Y, *AXES, seeds=SEEDS)

    found = fit(MAIN, sample)

    assert found is not None
    root = np.sqrt(SEEDS)
    x = np.column_stack([np.ones(40), MAIN.matrix([X, LEVELS.astype(float)])]) * root[:, None]
    expected, [rss], _, _ = np.linalg.lstsq(x, Y * root, rcond=None)
    assert [found.constant, *found.b] == pytest.approx(expected)
    assert found.rss == pytest.approx(rss)
    assert found.df == 40 - 6
    assert found.whole == pytest.approx(np.linalg.inv(x.T @ x))
    hat = np.diag(x @ np.linalg.pinv(x))
    assert found.residuals == pytest.approx((Y * root - x @ expected) / np.sqrt(1.0 - hat))


def test_a_rank_deficient_design_has_no_fit() -> None:
    """The same column under two names, or a choice that was never tried."""
    twice = sample_of(Y, line(X), line(X, "again"))
    both = Model(twice.axes, (Block((0,), (1,)), Block((1,), (1,))))
    untried = sample_of(Y, names(LEVELS, 5))

    assert fit(both, twice) is None
    assert fit(Model(untried.axes, (Block((0,), (1,)),)), untried) is None


def test_a_fit_needs_residual_degrees_of_freedom() -> None:
    """Four configurations, and a constant with three contrasts."""
    four = sample_of(Y[:4], names(range(4), 4))
    five = sample_of(Y[:5], names([0, 1, 2, 3, 0], 4))

    assert fit(Model(four.axes, (Block((0,), (1,)),)), four) is None
    found = fit(Model(five.axes, (Block((0,), (1,)),)), five)
    assert found is not None
    assert found.df == 1


def test_the_f_test_of_unordered_choices_is_one_way_anova() -> None:
    """As computed by scipy."""
    sample = sample_of(Y, names(LEVELS, 4))
    found = fit(Model(sample.axes, (Block((0,), (1,)),)), sample)

    assert found is not None
    expected = stats.f_oneway(*(Y[level == LEVELS] for level in range(4))).pvalue
    assert found.p_value(np.eye(3)) == pytest.approx(expected)


def test_the_f_test_of_a_line_is_that_of_a_regression() -> None:
    """As computed by scipy, for any scale of the combination."""
    sample = sample_of(Y, line(X))
    found = fit(Model(sample.axes, (Block((0,), (1,)),)), sample)

    assert found is not None
    expected = stats.linregress(X, Y).pvalue
    assert found.p_value(np.eye(1)) == pytest.approx(expected)
    assert found.p_value(np.array([[3.0], [-2.0]])) == pytest.approx(expected)


def test_an_empty_combination_has_p_value_1() -> None:
    """Without columns there is no effect."""
    found = fit(MAIN, sample_of(Y, *AXES))

    assert found is not None
    assert found.p_value(np.empty((0, 5))) == 1.0
    assert found.p_value(np.zeros((2, 5))) == 1.0


def test_nested_models_are_compared_by_their_residuals() -> None:
    """The F test of the additional block, which is not orthogonal to the others."""
    sample = sample_of(Y, *AXES)
    small = fit(Model(AXES, (Block((0,), (2,)),)), sample)
    large = fit(MAIN, sample)

    assert small is not None
    assert large is not None
    rows = np.eye(MAIN.size)[MAIN.spans[1,]]
    assert improvement(small, large) == pytest.approx(large.p_value(rows))
    assert improvement(large, large) == 1.0


def test_an_exact_fit_has_a_small_positive_noise() -> None:
    """Rounding errors count as noise, so that nothing is divided by 0."""
    sample = sample_of(0.25 + 2.0 * X, line(X), ordered(LEVELS, 4))
    found = fit(Model(sample.axes, (Block((0,), (1,)), Block((1,), (1,)))), sample)

    assert found is not None
    assert 0.0 < found.variance < 1e-24
    assert found.p_value(np.array([[1.0, 0.0]])) < 1e-12
    assert found.b[0] ** 2 == pytest.approx(4.0 / 3.0)  # the variance of 2x on (-1, 1)
