"""Intervals for sums of squared effects have their nominal coverage."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pytest
from judged import line, sample_of
from scipy import stats

from sweep.analysis.effects.fit import Fit, fit
from sweep.analysis.effects.intervals import PivotalSampler, VarianceComponent
from sweep.analysis.effects.model import Block, Model

FloatArray = npt.NDArray[np.float64]

REPEATS = 300
NOISE = 0.01
DF = 30
NO_MODEL = Model((), ())


def _scatter(kind: str, k: int) -> FloatArray:
    """Covariance of coefficients in units of the noise: balanced, or with unequal replicates."""
    if kind == "balanced":
        return np.eye(k) / 60.0
    x = np.random.default_rng(k).normal(size=(30, k)) * np.linspace(0.6, 1.6, k)
    inverse: FloatArray = np.linalg.inv(x.T @ x)
    return inverse


def _pieces(beta: FloatArray, scatter: FloatArray, seed: int) -> Iterator[VarianceComponent]:
    """Estimates and intervals of the sum of squares, in many studies of one truth."""
    rng = np.random.default_rng(seed)
    k = len(beta)
    whole = np.zeros((k + 1, k + 1))
    whole[1:, 1:] = scatter
    for study in range(REPEATS):
        b = rng.multivariate_normal(beta, NOISE**2 * scatter)
        rss = NOISE**2 * rng.chisquare(DF)
        yield PivotalSampler(Fit(NO_MODEL, 0.0, b, whole, rss, DF, b), 400, study).piece(
            np.eye(k), "t"
        )


@pytest.mark.parametrize(
    ("k", "size", "kind"),
    [
        (1, 1.0, "balanced"),
        (1, 1.0, "unbalanced"),
        (4, 5.0, "unbalanced"),
        pytest.param(4, 5.0, "balanced", marks=pytest.mark.integration),
    ],
)
def test_an_interval_covers_the_true_sum_of_squares(kind: str, k: int, size: float) -> None:
    """In 95 % of studies, within three binomial standard errors and one percentage point."""
    scatter = _scatter(kind, k)
    beta = np.full(k, size * NOISE * (np.trace(scatter) / k) ** 0.5)
    truth = float(beta @ beta)

    ends = [piece.interval() for piece in _pieces(beta, scatter, seed=int(size) + k)]

    covered = np.mean([low <= truth <= high for low, high in ends])
    assert covered == pytest.approx(0.95, abs=0.01 + 3.0 * (0.95 * 0.05 / REPEATS) ** 0.5)


@pytest.mark.parametrize("kind", ["balanced", "unbalanced"])
@pytest.mark.parametrize("k", [1, 9])
def test_without_an_effect_the_interval_starts_at_0(kind: str, k: int) -> None:
    """In at least 95 % of studies of pure noise."""
    pieces = list(_pieces(np.zeros(k), _scatter(kind, k), seed=k))

    assert np.mean([piece.interval()[0] == 0.0 for piece in pieces]) >= 0.95


def test_the_estimate_is_unbiased_and_the_floor_is_the_mean_of_noise() -> None:
    """Before truncation at 0, the mean of 300 studies of a clear effect is the truth."""
    scatter = _scatter("unbalanced", 4)
    beta = np.full(4, 5.0 * NOISE * (np.trace(scatter) / 4) ** 0.5)

    pieces = list(_pieces(beta, scatter, seed=9))

    estimates = np.array([piece.estimate for piece in pieces])
    error = estimates.std() / REPEATS**0.5
    assert estimates.mean() == pytest.approx(beta @ beta, abs=4.0 * error)
    floors = np.array([piece.noise for piece in pieces])
    assert floors.mean() == pytest.approx(NOISE**2 * np.trace(scatter), rel=0.06)


def test_a_straight_line_is_the_noncentral_f_interval() -> None:
    """With one degree of freedom, the ends are where scipy's noncentral t has 97.5 and 2.5 %.

    A single effect's interval from the pivot is that of its signal-to-noise ratio, if
    the noise is drawn too; with the number of runs here its uncertainty is small.
    """
    rng = np.random.default_rng(0)
    x = rng.uniform(-1, 1, 3000)
    sample = sample_of(0.01 * x + rng.normal(0.0, 0.1, 3000), line(x))
    found = fit(Model(sample.axes, (Block((0,), (1,)),)), sample)
    assert found is not None

    low, high = PivotalSampler(found, 20_000, 0).piece(np.eye(1), "t").interval()

    unit = found.c[0, 0] * found.variance
    ratio = found.b[0] ** 2 / unit
    assert stats.ncx2.cdf(ratio, 1, high / unit) == pytest.approx(0.025, abs=0.003)
    assert (low == 0.0) == (stats.chi2.cdf(ratio, 1) < 0.975)
    if low > 0.0:
        assert stats.ncx2.sf(ratio, 1, low / unit) == pytest.approx(0.025, abs=0.003)


def test_draws_depend_only_on_the_part_and_the_seed() -> None:
    """The same piece under another stream has other draws; those of the noise are shared."""
    fitted = Fit(NO_MODEL, 0.0, np.array([0.1]), np.eye(2) / 60.0, NOISE**2 * DF, DF, np.zeros(1))
    first, again, other = (
        PivotalSampler(fitted, 200, 0),
        PivotalSampler(fitted, 200, 0),
        PivotalSampler(fitted, 200, 1),
    )

    one = first.piece(np.eye(1), "dominant").draws

    assert one.tolist() == again.piece(np.eye(1), "dominant").draws.tolist()
    assert one.tolist() != again.piece(np.eye(1), "over 0").draws.tolist()
    assert one.tolist() != other.piece(np.eye(1), "dominant").draws.tolist()


def test_draws_of_coefficients_have_their_covariance() -> None:
    """With draws of the noise, by the t distribution's factor df / (df - 2)."""
    scatter = _scatter("unbalanced", 3)
    whole = np.zeros((4, 4))
    whole[1:, 1:] = scatter
    b = np.array([0.1, -0.2, 0.3])
    fitted = Fit(NO_MODEL, 0.0, b, whole, NOISE**2 * DF, DF, np.zeros(1))

    drawn = PivotalSampler(fitted, 40_000, 0).coefficients("best")

    assert drawn.mean(axis=0) == pytest.approx(b, abs=1e-4)
    expected = scatter * NOISE**2 * DF / (DF - 2)
    assert np.cov(drawn.T) == pytest.approx(expected, abs=0.05 * expected.max())


def test_no_columns_are_no_effect() -> None:
    """A group without columns in the model explains nothing, with certainty."""
    fitted = Fit(NO_MODEL, 0.0, np.array([0.1]), np.eye(2), NOISE**2 * DF, DF, np.zeros(1))

    piece = PivotalSampler(fitted, 200, 0).piece(np.empty((0, 1)), "t")

    assert (piece.estimate, piece.noise, piece.interval()) == (0.0, 0.0, (0.0, 0.0))
