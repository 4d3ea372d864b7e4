"""The model gets more terms only where the data support them."""

from __future__ import annotations

import numpy as np
import pytest
from judged import line, names, ordered, sample_of, sobol

from sweep.analysis.effects.contrasts import averaged
from sweep.analysis.effects.fit import ConfigurationMeans, Fit
from sweep.analysis.effects.model_selection import select_model


def _chosen(sample: ConfigurationMeans) -> Fit:
    found = select_model(sample)
    assert found is not None
    return found


def _variance(fit: Fit, *members: int) -> float:
    return float(np.square(averaged(fit).effects[members] @ fit.b).sum())


def test_an_effect_as_flat_as_a_fourth_power_is_found() -> None:
    """x^4 on (-1, 1) has variance 1/9 - 1/25, of which degree 2 explains at most 0.92."""
    x, z = sobol(128, 2)
    noise = np.random.default_rng(0).normal(0.0, 0.01, 128)

    found = _chosen(sample_of(x**4 + noise, line(x), line(z, "z")))

    assert found.model.degree((0,)) == (4,)
    assert found.model.degree((1,)) == (2,)
    assert _variance(found, 0) == pytest.approx(1 / 9 - 1 / 25, rel=0.05)


def test_the_model_grows_to_fit_ishigami() -> None:
    """sin(x1) + 7 sin(x2)^2 + 0.1 x3^4 sin(x1): its three pieces, to two digits."""
    x1, x2, x3 = np.pi * sobol(512, 3)
    y = np.sin(x1) + 7.0 * np.sin(x2) ** 2 + 0.1 * x3**4 * np.sin(x1)

    found = _chosen(
        sample_of(y, *(line(x / np.pi, n) for x, n in ((x1, "1"), (x2, "2"), (x3, "3"))))
    )

    whole = 7.0**2 / 8 + 0.1 * np.pi**4 / 5 + 0.01 * np.pi**8 / 18 + 0.5
    assert _variance(found, 0) == pytest.approx(0.5 * (1 + 0.1 * np.pi**4 / 5) ** 2, rel=0.03)
    assert _variance(found, 1) == pytest.approx(49.0 / 8.0, rel=0.02)
    assert _variance(found, 0, 2) == pytest.approx(0.01 * np.pi**8 * 8 / 225, rel=0.06)
    assert _variance(found, 2) < 0.01 * whole


def test_a_saturating_rank_is_found_in_full() -> None:
    """Ordered choices get all their degrees: a step at the first of five has variance 0.16."""
    levels = np.random.default_rng(0).permutation(np.arange(150) % 5)
    other = np.random.default_rng(1).permutation(np.arange(150) % 5)
    noise = np.random.default_rng(2).normal(0.0, 0.05, 150)

    found = _chosen(sample_of((levels == 0) + noise, ordered(levels, 5), names(other, 5)))

    assert found.model.degree((0,)) == (4,)
    assert _variance(found, 0) == pytest.approx(0.16, rel=0.05)


@pytest.mark.integration
def test_noise_rarely_adds_terms() -> None:
    """With the two entry levels, in at most 4 % of studies of noise: of 60, 8 would be too many."""
    grown = 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        axes = (
            names(rng.permutation(np.arange(80) % 5), 5),
            ordered(rng.permutation(np.arange(80) % 5), 5),
            line(rng.uniform(-1, 1, 80)),
        )
        found = _chosen(sample_of(rng.normal(size=80), *axes))
        grown += set(found.model.spans) != {(0,), (1,), (2,), (1, 2)} or found.model.size != 9

    assert grown <= 7


@pytest.mark.parametrize(
    ("n", "pairs"), [(29, 0), (30, 1), (49, 1), (50, 3)], ids=["29", "30", "49", "50"]
)
def test_interactions_need_a_number_of_configurations(n: int, pairs: int) -> None:
    """Products of numbers from 30 on; those of unordered choices from 50 on, if they are real."""
    rng = np.random.default_rng(1)
    t, a = rng.permutation(np.arange(n) % 2), rng.permutation(np.arange(n) % 3)
    x = rng.uniform(-1, 1, n)
    y = (t - 0.5) * (a - 1.0) + (t - 0.5) * x + rng.normal(0.0, 0.02, n)

    found = _chosen(sample_of(y, names(t, 2), ordered(a, 3), line(x)))

    assert sum(len(members) == 2 for members in found.model.spans) == pairs


@pytest.mark.parametrize("shape", ["curve by name", "three way", "curve of a range by name"])
def test_an_interaction_without_a_linear_part_is_found_in_full(shape: str) -> None:
    """A curve in a number that is opposite for other names, and a product of three: .25 each."""
    rng = np.random.default_rng(3)
    t, a, b = (rng.permutation(np.arange(150) % 5) for _ in range(3))
    x = rng.uniform(-1, 1, 150)
    sign = np.array([1.0, -1.0, 1.0, -1.0, 0.0])[t] / np.sqrt(0.8)
    curve = (np.square(a - 2.0) - 2.0) / np.sqrt(2.8)
    linear = (a - 2.0) / np.sqrt(2.0) * (b - 2.0) / np.sqrt(2.0)
    legendre = (3.0 * x**2 - 1.0) / 2.0 * np.sqrt(5.0)
    which, members = {
        "curve by name": (curve, (0, 1)),
        "three way": (linear, (0, 1, 2)),
        "curve of a range by name": (legendre, (0, 3)),
    }[shape]
    y = 0.5 * sign * which + rng.normal(0.0, 0.1, 150)

    found = _chosen(sample_of(y, names(t, 5), ordered(a, 5, "a"), ordered(b, 5, "b"), line(x)))

    assert _variance(found, *members) == pytest.approx(0.25, rel=0.1)


def test_few_configurations_get_linear_terms_only() -> None:
    """Degree 2 would leave nearly no residual degrees of freedom."""
    rng = np.random.default_rng(0)
    x = rng.uniform(-1, 1, (4, 14))

    found = _chosen(
        sample_of(rng.normal(size=14), *(line(row, f"x{i}") for i, row in enumerate(x)))
    )

    assert found.model.size == 4


def test_a_confounded_design_has_no_model() -> None:
    """Two parameters that always changed together."""
    x = np.linspace(-1, 1, 40)

    assert select_model(sample_of(x, line(x), line(x, "again"))) is None
