"""Collapsed runs are separated from effects and noise by one rule."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from judged import line, names, ordered

from sweep.analysis.axes import Axis
from sweep.analysis.verdict.eligible_trials import FEW, far_below


def _study(n: int, seed: int, noise: float) -> tuple[tuple[Axis, ...], npt.NDArray[np.float64]]:
    """Additive effects of names, choices and a range, and normal noise."""
    rng = np.random.default_rng(seed)
    t, a = (rng.permutation(np.arange(n) % 5) for _ in range(2))
    u = rng.uniform(-1, 1, n)
    y = 0.25 + 0.02 * (t == 1) + 0.005 * a + 0.01 * u**2 + rng.normal(0.0, noise, n)
    return (names(t, 5), ordered(a, 5), line(u)), y


@pytest.mark.parametrize("n", [40, 162])
@pytest.mark.parametrize("drop", [0.2, 1e3, 1e30])
def test_planted_collapses_are_found_exactly(n: int, drop: float) -> None:
    """Three runs at least twenty sd below: a diverged loss may have any size."""
    for seed in range(5):
        axes, y = _study(n, seed, 0.01)
        fell = np.random.default_rng(seed).choice(n, 3, replace=False)
        y[fell] -= drop

        assert np.flatnonzero(far_below(axes, y)).tolist() == sorted(fell)


def test_clean_noise_has_no_collapse() -> None:
    """One in 10^9 normal runs is so low; with few runs the scale itself is uncertain."""
    found = [
        far_below(*_study(n, seed, 0.01)).any() for n in (20, 24, 36, 162) for seed in range(40)
    ]

    assert sum(found) <= 2


@pytest.mark.parametrize("seed", range(4))
def test_no_noise_has_no_collapse(seed: int) -> None:
    """The residuals of an exact fit are rounding errors."""
    assert not far_below(*_study(100, seed, 0.0)).any()


def test_unusually_good_runs_are_not_excluded() -> None:
    """The rule is one-sided: a sweep searches for high values."""
    axes, y = _study(100, 0, 0.01)
    y[[3, 50]] += 1.0

    assert not far_below(axes, y).any()


def test_a_large_effect_of_a_choice_is_no_collapse() -> None:
    """A target set with only bad runs is an effect."""
    axes, y = _study(100, 0, 0.01)
    y[axes[0].places == 3] -= 0.3

    assert not far_below(axes, y).any()


def test_few_or_equal_runs_have_no_collapse() -> None:
    """Below the minimum number, or without any variation."""
    axes, y = _study(FEW - 1, 0, 0.01)
    y[0] -= 1.0

    assert not far_below(axes, y).any()
    axes, y = _study(40, 0, 0.01)
    assert not far_below(axes, np.full(40, 0.25)).any()


def test_the_rule_does_not_depend_on_units_or_on_the_level() -> None:
    """The same runs in other units, and far from 0."""
    axes, y = _study(80, 1, 0.01)
    y[7] -= 0.2

    expected = far_below(axes, y).tolist()

    assert expected.count(True) == 1
    assert far_below(axes, 1e6 * y).tolist() == expected
    assert far_below(axes, y - 1e3).tolist() == expected
