"""Shares and totals against closed forms."""

from __future__ import annotations

import numpy as np
import pytest
from judged import quick, simple_table, sobol, straight

from sweep.analysis.table import TrialTable
from sweep.analysis.verdict.result import Effect, Verdict
from sweep.study.claim import Claim
from sweep.study.parameters import Float
from sweep.study.space import Space

GAIN = np.array([-1.0, -1.0, 0.0, 1.0, 1.0]) / np.sqrt(0.8)
"""Values for five unordered choices: mean 0, mean square 1."""


def _effects(verdict: Verdict) -> dict[str, Effect]:
    return {effect.name: effect for effect in (*verdict.parameters, *verdict.interactions)}


def _on_ranges(n: int, ends: float, value: object, over: tuple[str, ...]) -> dict[str, Effect]:
    """The effects of a function of ranges from -ends to ends, without noise."""
    points = ends * sobol(n, 3)
    names = [f"x{i}" for i in (1, 2, 3)]
    space = Space({name: Float(-ends, ends) for name in names})
    y = value(*points)  # type: ignore[operator]
    table = TrialTable.from_arrays(dict(zip(names, points, strict=True)), y, space=space)
    return _effects(quick(table, Claim("x1", over, (), nuisances=())))


def test_shares_of_ishigami() -> None:
    """sin(x1) + 7 sin(x2)^2 + 0.1 x3^4 sin(x1) on (-pi, pi).

    First order 0.3139, 0.4424, 0; x1 with x3 0.2437; totals 0.5576, 0.4424, 0.2437. Source:
    Saltelli et al. 2008, Global Sensitivity Analysis, for a = 7, b = 0.1.
    """
    found = _on_ranges(
        512,
        np.pi,
        lambda a, b, c: np.sin(a) + 7.0 * np.sin(b) ** 2 + 0.1 * c**4 * np.sin(a),
        ("x2", "x3"),
    )

    first = {name: found[name].share for name in ("x1", "x2", "x3")}
    totals = {name: found[name].total_share for name in ("x1", "x2", "x3")}
    assert first == pytest.approx({"x1": 0.3139, "x2": 0.4424, "x3": 0.0}, abs=0.01)
    assert totals == pytest.approx({"x1": 0.5576, "x2": 0.4424, "x3": 0.2437}, abs=0.01)
    assert found["x1:x3"].share == pytest.approx(0.2437, abs=0.01)
    assert found["x2"].sigma == pytest.approx((49 / 8) ** 0.5, rel=0.01)


def test_a_product_is_one_pair() -> None:
    """x1 x2 on (-1, 1): no main effects, and 1/9 of variance as an interaction."""
    found = _on_ranges(128, 1.0, lambda a, b, _: a * b, ("x2",))

    assert found["x1:x2"].share == pytest.approx(1.0)
    assert found["x1:x2"].sigma == pytest.approx(1.0 / 3.0)
    assert {n: found[n].share for n in ("x1", "x2", "x3")} == pytest.approx(
        {"x1": 0.0, "x2": 0.0, "x3": 0.0}, abs=1e-9
    )
    assert found["x1"].total_share == pytest.approx(1.0)


def test_shares_of_a_linear_function_of_ranges() -> None:
    """2 x1 + x2 on (-1, 1): four fifths and one fifth of 5/3."""
    found = _on_ranges(64, 1.0, lambda a, b, _: 2.0 * a + b, ("x2",))

    assert found["x1"].share == pytest.approx(0.8)
    assert found["x2"].share == pytest.approx(0.2)
    assert found["x3"].share == pytest.approx(0.0, abs=1e-9)
    assert found["x1"].sigma == pytest.approx((4.0 / 3.0) ** 0.5)


def test_additive_of_unordered_and_ordered_choices() -> None:
    """Standard deviations 3 and 1: shares 0.9 and 0.1, which totals equal."""
    table = simple_table(100, lambda at: 3.0 * GAIN[at["t"].astype(int)] + straight(at["a"]))

    found = _effects(quick(table))

    assert found["t"].share == pytest.approx(0.9)
    assert found["a"].share == pytest.approx(0.1)
    assert found["t"].total_share == pytest.approx(0.9)
    assert (found["t"].sigma, found["a"].sigma) == (pytest.approx(3.0), pytest.approx(1.0))


def test_an_interaction_of_choices_is_in_both_totals() -> None:
    """T 0.02, a with t 0.01: shares 0.8 and 0.2, and a has a total of 0.2 without a main effect."""
    sign = np.array([-1.0, 1.0, 0.0, 1.0, -1.0]) / np.sqrt(0.8)
    table = simple_table(
        150,
        lambda at: (
            0.02 * GAIN[at["t"].astype(int)] + 0.01 * sign[at["t"].astype(int)] * straight(at["a"])
        ),
    )

    found = _effects(quick(table))

    assert found["t"].share == pytest.approx(0.8, abs=1e-6)
    assert found["a:t"].share == pytest.approx(0.2, abs=1e-6)
    assert found["a"].share == pytest.approx(0.0, abs=1e-6)
    assert found["a"].total_share == pytest.approx(0.2, abs=1e-6)
    assert found["t"].total_share == pytest.approx(1.0, abs=1e-6)


@pytest.mark.integration
def test_intervals_cover_the_known_shares_under_noise() -> None:
    """Shares 0.8, 0.2 and 0 in 95 % of 12 studies: each misses at most 3 times (p < 0.003)."""
    missed = dict.fromkeys("tab", 0)
    truth = {"t": (0.8, 0.02), "a": (0.2, 0.01), "b": (0.0, 0.0)}
    for seed in range(12):
        table = simple_table(
            60,
            lambda at: 0.02 * GAIN[at["t"].astype(int)] + 0.01 * straight(at["a"]),
            noise=0.01,
            seed=seed,
        )
        found = _effects(quick(table, n_draws=400))
        for name, (share, sigma) in truth.items():
            effect = found[name]
            inside = effect.low <= share <= effect.high
            missed[name] += not (inside and effect.sigma_low <= sigma <= effect.sigma_high)

    assert max(missed.values()) <= 3
