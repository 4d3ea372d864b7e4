"""Intervals for variance components from generalised pivotal quantities.

A sum of squared effects ``q = |L b|^2`` is, for normal noise of variance ``s2``, about
``scale * s2`` times a noncentral chi-square with ``k`` degrees of freedom, matched in mean and
variance (Satterthwaite 1946, doi:10.2307/3002019). Solving its distribution function for the
noncentrality, with ``s2`` drawn from its own pivot, gives draws of the true sum of squares
(Weerahandi 1993, doi:10.1080/01621459.1993.10476355; for noncentral F see Steiger 2004,
doi:10.1037/1082-989X.9.2.164). A sum of squares of noise alone comes out as 0 in most draws.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special, stats

from sweep._typing import FloatArray
from sweep.analysis.effects.fit import LEVEL, Fit

NEARLY_NORMAL = 250.0
"""Above this value, the root of a noncentral chi-square is normal to four digits."""


@dataclass(frozen=True)
class VarianceComponent:
    """A sum of squared effects, with draws of its true value.

    Attributes:
        estimate: the sum less its expectation under noise alone, at least 0.
        noise: expectation of the sum under noise alone.
        draws: draws of the true value, shape ``(n,)``, at least 0.
        k: degrees of freedom of the chi-square.
        unit: variance per unit of the chi-square.
    """

    estimate: float
    noise: float
    draws: FloatArray
    k: float
    unit: float

    def interval(self, level: float = LEVEL) -> tuple[float, float]:
        """Equal-tailed interval; its lower end is 0 for an effect explained by noise."""
        tail = (1.0 - level) / 2.0
        low, high = np.quantile(self.draws, [tail, 1.0 - tail])
        return float(low), float(high)


class PivotalSampler:
    """Pivotal draws of variance components and coefficients that share one noise variance.

    Each component has its own random stream, named by its part in the claim, so that no draw
    depends on the order or the names of parameters.

    Args:
        fit: the fitted model.
        n: number of draws.
        seed: seed of all streams.
    """

    def __init__(self, fit: Fit, n: int, seed: int) -> None:
        self._fit = fit
        self._n = n
        self._seed = seed
        self.variance = fit.rss / stats.chi2.ppf(self._strata("noise"), fit.df)

    def _rng(self, stream: str) -> np.random.Generator:
        return np.random.default_rng([self._seed, *stream.encode()])

    def _strata(self, stream: str) -> FloatArray:
        """Stratified uniform draws in random order: the midpoints of ``n`` equal strata."""
        return (self._rng(stream).permutation(self._n) + 0.5) / self._n

    def piece(self, rows: FloatArray, stream: str) -> VarianceComponent:
        """Variance component of combinations of coefficients: their sum of squares.

        Args:
            rows: the combinations, shape ``(k, p)``.
            stream: name of the component's random stream.
        """
        scatter = rows @ self._fit.c @ rows.T
        trace = float(np.trace(scatter))
        if trace <= 0.0:
            return VarianceComponent(0.0, 0.0, np.zeros(self._n), 1.0, 0.0)
        q = float(np.square(rows @ self._fit.b).sum())
        scale = float(np.square(scatter).sum()) / trace
        k = trace / scale
        lam = noncentrality(q / (scale * self.variance), k, self._strata(stream))
        noise = trace * self._fit.variance
        draws = lam * scale * self.variance
        return VarianceComponent(max(q - noise, 0.0), noise, draws, k, scale * self._fit.variance)

    def coefficients(self, stream: str) -> FloatArray:
        """Draws of all coefficients, with the shared noise variances, shape ``(n, p)``."""
        values, vectors = np.linalg.eigh(self._fit.c)
        root = vectors * np.sqrt(np.maximum(values, 0.0))
        normal = self._rng(stream).standard_normal((self._n, len(root)))
        drawn: FloatArray = self._fit.b + np.sqrt(self.variance)[:, None] * (normal @ root.T)
        return drawn


def noncentrality(x: FloatArray, k: float, chances: FloatArray) -> FloatArray:
    """Noncentrality at which ``x`` is the quantile of the given probability; 0 if there is none.

    Args:
        x: values of a noncentral chi-square, shape ``(n,)``.
        k: its degrees of freedom, not necessarily an integer.
        chances: probabilities, shape ``(n,)``.
    """
    found = np.zeros_like(x)
    possible = special.chndtr(x, k, 0.0) > chances
    large = x > NEARLY_NORMAL
    small = possible & ~large
    found[small] = special.chndtrinc(x[small], k, chances[small])
    # The root of a large noncentral chi-square is approximately normal with variance 1.
    shift = (k - 1.0) / 2.0
    root = np.sqrt(x[large] - shift) - special.ndtri(chances[large])
    found[large] = np.maximum(np.square(root) - shift, 0.0)
    return found
