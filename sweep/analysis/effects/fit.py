"""Mean over seeds of each configuration, and weighted least squares on these means.

Why not statsmodels: its models are slower to fit, and model selection fits them in a loop.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import linalg, stats

from sweep._typing import FloatArray, IndexArray
from sweep.analysis.axes import Axis
from sweep.analysis.effects.model import Model

LEVEL = 0.95
"""Confidence level of all intervals of effects, noise and best values."""

TAILS = (0.025, 0.975)
"""Quantiles at the ends of an interval at ``LEVEL``."""

MOST_WEIGHT = 2.0
"""Largest weight of a mean, as a multiple of the median number of seeds."""


@dataclass(frozen=True)
class SeedNoise:
    """Noise between seeds: standard deviation among runs of one configuration.

    Attributes:
        sd: pooled standard deviation; None if no configuration has two seeds.
        low: lower end of its 95 % chi-square interval.
        df: degrees of freedom: number of runs less number of configurations.
    """

    sd: float | None
    low: float | None
    high: float | None
    df: int


UNKNOWN_NOISE = SeedNoise(None, None, None, 0)
"""Value if no configuration has two seeds."""


@dataclass(frozen=True)
class ConfigurationMeans:
    """Configurations and the mean result of each over its seeds.

    Seeds are not independent configurations: they enter as one weighted mean, so that effects
    are never tested against the noise between seeds alone.

    Attributes:
        axes: the parameters that varied, each with the configurations' coordinates, shape
            ``(m,)``.
        y: mean of each configuration's runs, higher is better, shape ``(m,)``.
        seeds: number of runs of each configuration, shape ``(m,)``.
        seed_noise: noise between runs of one configuration.
    """

    axes: tuple[Axis, ...]
    y: FloatArray
    seeds: FloatArray
    seed_noise: SeedNoise

    @classmethod
    def of(
        cls, axes: Sequence[Axis], y: FloatArray, configurations: IndexArray
    ) -> ConfigurationMeans:
        """Average runs by configuration.

        Args:
            axes: the parameters, each with the runs' coordinates, shape ``(n,)``.
            y: the runs' values, shape ``(n,)``.
            configurations: configuration index of each run, shape ``(n,)``.
        """
        _, first, member, count = np.unique(
            configurations, return_index=True, return_inverse=True, return_counts=True
        )
        mean = np.bincount(member, weights=y) / count
        within = float(np.square(y - mean[member]).sum())
        if within <= (np.finfo(np.float64).eps * np.abs(y).max(initial=0.0)) ** 2 * len(y):
            within = 0.0  # seeds agree up to rounding of the mean
        return cls(
            tuple(axis.take(first) for axis in axes),
            mean,
            count.astype(np.float64),
            seed_noise(within, len(y) - len(count)),
        )

    @property
    def weights(self) -> FloatArray:
        """Least-squares weight of each mean, shape ``(m,)``: its number of seeds, capped.

        More seeds reduce the noise between seeds, but not the lack of fit of the configuration.
        With uncapped weights, tests of absent effects were significant at 5 % in 60 % of
        simulated studies.
        """
        weights: FloatArray = np.minimum(self.seeds, MOST_WEIGHT * np.median(self.seeds))
        return weights

    def __len__(self) -> int:
        """Number of configurations."""
        return len(self.y)


def seed_noise(squares: float, df: int) -> SeedNoise:
    """Noise between seeds from the sum of squares within configurations."""
    if df == 0:
        return UNKNOWN_NOISE
    low, high = np.sqrt(squares / stats.chi2.ppf(TAILS[::-1], df))
    return SeedNoise(float(np.sqrt(squares / df)), float(low), float(high), df)


@dataclass(frozen=True)
class Fit:
    """A fitted model: coefficients, their covariance and the residuals.

    Attributes:
        constant: the intercept: the mean over the reference distribution.
        b: coefficients of ``model.matrix``, shape ``(p,)``.
        whole: covariance of intercept and coefficients in units of the noise variance, shape
            ``(1 + p, 1 + p)``.
        rss: weighted residual sum of squares.
        df: residual degrees of freedom.
        residuals: standardised to equal variance, shape ``(m,)``.
    """

    model: Model
    constant: float
    b: FloatArray
    whole: FloatArray
    rss: float
    df: int
    residuals: FloatArray

    @property
    def c(self) -> FloatArray:
        """Covariance of the coefficients in units of the noise variance, shape ``(p, p)``."""
        return self.whole[1:, 1:]

    @property
    def variance(self) -> float:
        """Residual variance of a single run: noise between seeds and lack of fit."""
        return self.rss / self.df

    def p_value(self, rows: FloatArray) -> float:
        """P value of the F test that combinations of coefficients, shape ``(k, p)``, are all 0."""
        value = rows @ self.b
        scatter = rows @ self.c @ rows.T
        rank = int(np.linalg.matrix_rank(scatter))
        if rank == 0:
            return 1.0
        if self.variance == 0.0:
            return 0.0 if value.any() else 1.0
        f = value @ np.linalg.pinv(scatter, hermitian=True) @ value / rank / self.variance
        return float(stats.f.sf(f, rank, self.df))


def fit(model: Model, sample: ConfigurationMeans) -> Fit | None:
    """Weighted least squares; None if rank-deficient or without a residual degree of freedom."""
    x = model.matrix([axis.places for axis in sample.axes])
    x = np.column_stack([np.ones(len(sample)), x])
    df = len(sample) - x.shape[1]
    if df < 1:
        return None
    root = np.sqrt(sample.weights)
    q, r = linalg.qr(x * root[:, None], mode="economic", check_finite=False)
    diagonal = np.abs(np.diag(r))
    if diagonal.min() < 1e-8 * diagonal.max():
        return None
    target = sample.y * root
    b = linalg.solve_triangular(r, q.T @ target, check_finite=False)
    inverse = linalg.solve_triangular(r, np.eye(len(r)), check_finite=False)
    whole = inverse @ inverse.T
    left = target - q @ (q.T @ target)
    spread = np.sqrt(np.maximum(1.0 - np.square(q).sum(axis=1), 1e-12))
    # Residuals of an exact fit are rounding errors, not noise.
    floor = (np.finfo(np.float64).eps * np.abs(target).max()) ** 2 * len(target)
    rss = max(float(left @ left), floor)
    return Fit(model, float(b[0]), b[1:], whole, rss, df, left / spread)


def improvement(small: Fit, large: Fit) -> float:
    """P value of the F test of the larger of two nested models against the smaller."""
    more = small.df - large.df
    if more <= 0 or large.rss <= 0.0:
        return 1.0
    f = max(small.rss - large.rss, 0.0) / more / large.variance
    return float(stats.f.sf(f, more, large.df))
