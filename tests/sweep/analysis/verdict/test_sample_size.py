"""The number of trials needed for a verdict: more with more noise, and about right."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from judged import quick, study
from scipy import stats

from sweep.analysis.effects.fit import Fit
from sweep.analysis.effects.intervals import PivotalSampler, VarianceComponent
from sweep.analysis.effects.model import Model
from sweep.analysis.verdict.sample_size import (
    LARGE,
    _below,
    _quantile,
    for_dominance,
    for_negligible,
)
from sweep.study.claim import Claim

N = 100
DELTA_SIGMA = 0.0035


def _piece(sigma: float, noise: float, k: int = 4, n: int = N) -> VarianceComponent:
    """An effect of exactly this standard deviation, as estimated from n trials of this noise."""
    scatter = np.eye(k) / n
    b = np.full(k, ((sigma**2 + k * noise**2 / n) / k) ** 0.5)
    df = n - 20
    whole = np.zeros((k + 1, k + 1))
    whole[1:, 1:] = scatter
    fit = Fit(Model((), ()), 0.0, b, whole, noise**2 * df, df, b)
    return PivotalSampler(fit, 200, 0).piece(np.eye(k), "t")


def _rising(found: list[int | None]) -> None:
    """Never decreasing, None last."""
    as_numbers = [np.inf if each is None else each for each in found]
    assert all(one <= other for one, other in pairwise(as_numbers)), found
    assert as_numbers[0] < as_numbers[-1]


def test_negligibility_needs_more_trials_with_more_noise() -> None:
    """A tiny effect, from little noise to much."""
    noises = [0.003, 0.005, 0.0075, 0.01, 0.015, 0.03]

    _rising([for_negligible([_piece(0.0005, noise, 2)], DELTA_SIGMA, N) for noise in noises])


def test_negligibility_needs_more_trials_near_the_bound() -> None:
    """From both sides."""
    below, above = [0.0005, 0.0015, 0.0025, 0.003], [0.02, 0.006, 0.005, 0.0045]

    for sigmas in (below, above):
        _rising([for_negligible([_piece(s, 0.01, 2)], DELTA_SIGMA, N) for s in sigmas])


def test_the_rule_of_thumb_for_negligibility() -> None:
    """250 (sigma / delta)^2 trials give 85 to 90 % power: 80 % needs as many within a factor 2.

    Source: the simulations by which the method was chosen.
    """
    for noise in (0.0075, 0.01, 0.015):
        found = for_negligible([_piece(0.0, noise)] * 2, DELTA_SIGMA, N)

        thumb = 250.0 * (noise / 0.01) ** 2
        assert found is not None
        assert 0.5 * thumb < found < 2.0 * thumb


def test_dominance_needs_more_trials_with_more_noise() -> None:
    """Ten times the variance of the other."""
    found = []
    for noise in (0.02, 0.04, 0.08, 0.16):
        main, other = _piece(0.01, noise), _piece(0.003, noise, 2)
        found.append(for_dominance(main, main, [other], 2.0, DELTA_SIGMA, N))

    _rising(found)


@pytest.mark.parametrize("ratio", [1.2, 1.5, 1.9])
def test_between_the_bounds_no_number_of_trials_helps(ratio: float) -> None:
    """More than the other, but less than kappa times it: the answer stays inconclusive."""
    main, other = _piece(0.02 * ratio**0.5, 0.01), _piece(0.02, 0.01, 2)

    assert for_dominance(main, main, [other], 2.0, DELTA_SIGMA, N) is None


def test_the_smallest_number_may_be_below_the_present_trials() -> None:
    """It does not depend on the present number, up to steps of the search."""

    def needed(n: int, *, smallest: bool) -> int:
        main, other = _piece(0.02, 0.04, n=n), _piece(0.0, 0.04, 2, n=n)
        bounds = (2.0, DELTA_SIGMA)
        return for_dominance(main, main, [other], *bounds, n, smallest=smallest) or 0

    fewer, more = needed(400, smallest=True), needed(60, smallest=True)

    assert 60 < fewer < 400 < needed(400, smallest=False)
    assert more == needed(60, smallest=False)
    assert fewer == pytest.approx(more, rel=0.2, abs=10)


def test_exactly_at_the_bound_no_number_of_trials_helps() -> None:
    """Neither below nor above."""
    assert for_negligible([_piece(DELTA_SIGMA, 0.01, 2)], DELTA_SIGMA, N) is None


@pytest.mark.parametrize(
    ("main", "other"), [(0.0001, 0.0001), (0.003, 0.02)], ids=["no effect", "less than the other"]
)
def test_a_refutation_needs_a_number_of_trials_too(main: float, other: float) -> None:
    """Dominance may be refuted for lack of effect, or because another has more."""
    found = for_dominance(
        _piece(main, 0.01), _piece(main, 0.01), [_piece(other, 0.01, 2)], 2.0, DELTA_SIGMA, N
    )

    assert found is not None
    assert found % 10 == 0


@pytest.mark.timeout(20)
@pytest.mark.parametrize("noise", [1e-4, 1e-8, 1e-14])
def test_with_nearly_no_noise_the_search_ends(noise: float) -> None:
    """For a simulator without noise, whose dominance is between the bounds."""
    main, other = _piece(0.02 * 1.5**0.5, noise), _piece(0.02, noise, 2)

    assert for_dominance(main, main, [other], 2.0, DELTA_SIGMA, N) is None
    assert for_negligible([_piece(0.001, noise)], DELTA_SIGMA, N) is not None
    assert for_negligible([_piece(0.001, noise)], 1e6, N) is not None


@pytest.mark.parametrize("k", [1.0, 3.4, 9.0])
def test_large_noncentralities_are_nearly_normal(k: float) -> None:
    """Against scipy, where its own search still converges."""
    for chance in (0.025, 0.25, 0.95):
        exact = stats.ncx2.ppf(chance, k, LARGE)

        assert _quantile(k, LARGE, chance) == pytest.approx(exact, rel=1e-4)
        assert _below(k, LARGE, exact) == pytest.approx(chance, abs=2e-3)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["A", "B"])
def test_with_the_number_needed_most_studies_are_decided(name: str) -> None:
    """Of 24 studies of that size at least 60 %: the number is for 80 %, from an estimate."""
    asked: list[int] = []
    for seed in range(12):
        found = quick(study(name, 80, seed), Claim())
        if found.trials_needed is not None:
            asked.append(found.trials_needed)
    assert len(asked) > 3
    n = int(np.median(asked))

    answers = [quick(study(name, n, 100 + seed), Claim()).verdict for seed in range(24)]

    assert sum(answer != "INCONCLUSIVE" for answer in answers) >= 14
