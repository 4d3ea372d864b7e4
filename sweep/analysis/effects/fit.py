"""Weighted least squares on configuration means.

Why not statsmodels: its models are slower to fit, and model selection fits them in a loop.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import linalg, stats

from sweep._typing import FloatArray
from sweep.analysis.effects.configurations import ConfigurationMeans
from sweep.analysis.effects.model import Model


@dataclass(frozen=True)
class Fit:
    """A fitted model: coefficients, their covariance and the residuals.

    Attributes:
        model: the linear model.
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
        """P value of the F test that the given combinations of coefficients are all 0.

        Args:
            rows: the combinations, shape ``(k, p)``.
        """
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
    """Fit a model to configuration means by weighted least squares.

    Returns:
        None if the design matrix is rank-deficient, or no residual degree of freedom is left.
    """
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
