"""The inverse of the noncentral chi-square, against scipy's forward function."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from sweep.analysis.effects.intervals import NEARLY_NORMAL, noncentrality

CHANCES = np.array([0.00025, 0.025, 0.2, 0.5, 0.8, 0.975, 0.99975])


@pytest.mark.parametrize("k", [1.0, 1.7, 2.0, 3.35, 4.0, 10.0, 24.6])
@pytest.mark.parametrize("x", [0.01, 0.5, 3.0, 20.0, 90.0, 249.0])
def test_it_inverts_the_distribution_function(k: float, x: float) -> None:
    """At the noncentrality found, x is the requested quantile; 0 where even that is too large."""
    found = noncentrality(np.full(len(CHANCES), x), k, CHANCES)

    impossible = stats.chi2.cdf(x, k) <= CHANCES
    assert (found[impossible] == 0.0).all()
    back = stats.ncx2.cdf(x, k, found[~impossible])
    assert back == pytest.approx(CHANCES[~impossible], rel=1e-4, abs=1e-7)


@pytest.mark.parametrize("k", [1.0, 1.7, 4.0, 10.0])
@pytest.mark.parametrize("x", [NEARLY_NORMAL + 0.1, 400.0, 3000.0])
def test_beyond_the_limit_the_root_is_nearly_normal(k: float, x: float) -> None:
    """The approximation's error in probability is at most 0.002."""
    found = noncentrality(np.full(len(CHANCES), x), k, CHANCES)

    assert stats.ncx2.cdf(x, k, found) == pytest.approx(CHANCES, abs=2e-3)


@pytest.mark.parametrize("k", [1.0, 1.7, 4.0, 10.0])
def test_both_computations_agree_at_the_limit(k: float) -> None:
    """There is no jump relative to the noncentrality's own spread of about 2 sqrt(x)."""
    below, above = (
        noncentrality(np.full(len(CHANCES), NEARLY_NORMAL + step), k, CHANCES)
        for step in (-1e-6, 1e-6)
    )

    assert np.abs(above - below).max() < 0.02 * 2.0 * NEARLY_NORMAL**0.5


def test_noncentrality_is_monotonic() -> None:
    """A larger value or a smaller probability has a larger one, so draws keep their order."""
    x = np.linspace(0.1, 600.0, 400)
    by_x = noncentrality(x, 4.0, np.full(400, 0.3))
    by_chance = noncentrality(np.full(99, 30.0), 4.0, np.arange(1, 100) / 100.0)

    assert (np.diff(by_x) >= -1e-9).all()
    assert (np.diff(by_chance) <= 1e-9).all()


def test_a_huge_value_is_its_own_noncentrality() -> None:
    """For effects exact to twelve digits nothing overflows, and no digit is lost."""
    found = noncentrality(np.array([1e24, 1e200]), 4.0, np.array([0.5, 0.5]))

    assert found == pytest.approx(np.array([1e24, 1e200]), rel=1e-9)
