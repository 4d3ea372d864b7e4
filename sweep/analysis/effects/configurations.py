"""Runs gathered into configurations: their means, and what their seeds disagree on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats

from sweep.analysis.axes import Axis

FloatArray = npt.NDArray[np.float64]
IndexArray = npt.NDArray[np.intp]

LEVEL = 0.95
"""Of every interval of effects, noise and best places."""

TAILS = (0.025, 0.975)
"""The quantiles at its ends."""

MOST_WEIGHT = 2.0
"""A mean weighs at most so many times as much as one of the usual number of seeds."""


@dataclass(frozen=True)
class SeedNoise:
    """What runs of one configuration differ by.

    Attributes:
        sd: pooled standard deviation; None without a configuration of two seeds.
        low: lower end of its 95 % chi-square interval.
        high: upper end.
        df: degrees of freedom: runs beyond the first of each configuration.
    """

    sd: float | None
    low: float | None
    high: float | None
    df: int


UNKNOWN_NOISE = SeedNoise(None, None, None, 0)
"""Where no configuration has two seeds."""


@dataclass(frozen=True)
class ConfigurationMeans:
    """Configurations with their means.

    Seeds of a configuration are no further configurations: they enter as one mean with a
    weight, so that no effect is tested against the noise of seeds alone.

    Attributes:
        axes: the parameters that varied, each with the configurations' places, shape ``(m,)``.
        y: mean of each configuration's runs, higher is better, shape ``(m,)``.
        seeds: runs behind each mean, shape ``(m,)``.
        seed_noise: what runs of one configuration differ by.
    """

    axes: tuple[Axis, ...]
    y: FloatArray
    seeds: FloatArray
    seed_noise: SeedNoise

    @classmethod
    def of(
        cls, axes: Sequence[Axis], y: FloatArray, configurations: IndexArray
    ) -> ConfigurationMeans:
        """Gather runs.

        Args:
            axes: the parameters, each with the runs' places, shape ``(n,)``.
            y: the runs' values, shape ``(n,)``.
            configurations: which configuration each run is of, shape ``(n,)``.
        """
        _, first, member, count = np.unique(
            configurations, return_index=True, return_inverse=True, return_counts=True
        )
        mean = np.bincount(member, weights=y) / count
        within = float(np.square(y - mean[member]).sum())
        if within <= (np.finfo(np.float64).eps * np.abs(y).max(initial=0.0)) ** 2 * len(y):
            within = 0.0  # seeds that agree, but for the rounding of their mean
        return cls(
            tuple(axis.take(first) for axis in axes),
            mean,
            count.astype(np.float64),
            seed_noise(within, len(y) - len(count)),
        )

    @property
    def weights(self) -> FloatArray:
        """What each mean weighs in a fit, shape ``(m,)``: its seeds, up to a limit.

        Twenty seeds of one configuration take away their own noise, but not that by which the
        configuration lies off the model. Weighted in full, tests of no effect were significant
        at 5 % in 60 % of simulated studies.
        """
        weights: FloatArray = np.minimum(self.seeds, MOST_WEIGHT * np.median(self.seeds))
        return weights

    def __len__(self) -> int:
        """How many configurations."""
        return len(self.y)


def seed_noise(squares: float, df: int) -> SeedNoise:
    """The noise of seeds from a sum of squares within configurations."""
    if df == 0:
        return UNKNOWN_NOISE
    low, high = np.sqrt(squares / stats.chi2.ppf(TAILS[::-1], df))
    return SeedNoise(float(np.sqrt(squares / df)), float(low), float(high), df)
