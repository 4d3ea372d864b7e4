"""Differences of two arms that ran with the same seeds."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from scipy import stats

LEVEL = 0.95
"""Of every interval."""

POWER = 0.8
"""With which a difference is to be seen, in ``pairs_needed``."""


@dataclass(frozen=True)
class Contrast:
    """The mean difference of two arms over paired seeds.

    Attributes:
        pairs: how many seeds both arms have.
        mean: of the second arm minus the first.
        low: lower end of its 95 % interval, by Student's t; None with one pair.
        high: the upper end.
        sd: of the differences; None with one pair.
    """

    pairs: int
    mean: float
    low: float | None
    high: float | None
    sd: float | None

    def to_json(self) -> dict[str, Any]:
        """A JSON tree."""
        return asdict(self)


def contrast(first: Mapping[int, float], second: Mapping[int, float]) -> Contrast:
    """Compare two arms seed by seed.

    Args:
        first: value by seed.
        second: likewise.

    Raises:
        ValueError: if they share no seed.
    """
    seeds = sorted(set(first) & set(second))
    if not seeds:
        raise ValueError("two arms must share a seed, got none in common.")
    gaps = np.array([second[seed] - first[seed] for seed in seeds])
    mean = float(gaps.mean())
    if len(gaps) == 1:
        return Contrast(1, mean, None, None, None)
    sd = float(gaps.std(ddof=1))
    half = float(stats.t.ppf((1 + LEVEL) / 2, len(gaps) - 1)) * sd / math.sqrt(len(gaps))
    return Contrast(len(gaps), mean, mean - half, mean + half, sd)


def pairs_needed(sd: float, difference: float) -> int:
    """Pairs with which a two-sided paired t-test sees ``difference`` with ``POWER``.

    By the noncentral t distribution, as Cohen 1988 (Statistical Power Analysis, ch. 2) has it.

    Args:
        sd: of the differences.
        difference: the size to be seen, above 0.
    """
    pairs = 2
    while power_of(pairs, sd, difference) < POWER:
        pairs += 1
    return pairs


def power_of(pairs: int, sd: float, difference: float) -> float:
    """How often that test with that many pairs sees that difference."""
    if sd == 0:
        return 1.0
    df, shift = pairs - 1, difference / sd * math.sqrt(pairs)
    edge = stats.t.ppf((1 + LEVEL) / 2, df)
    return float(stats.nct.sf(edge, df, shift) + stats.nct.cdf(-edge, df, shift))


def chance_of_as_much(values: Sequence[float], difference: float) -> float:
    """How often two runs that differ in their seed alone lie ``difference`` apart, or more.

    Counted over all pairs of the runs given.

    Args:
        values: of runs of one configuration, two or more.
        difference: the size, either way.
    """
    runs = np.asarray(values)
    upper = np.triu_indices(len(runs), k=1)
    return float((np.abs(runs[:, None] - runs[None, :])[upper] >= difference).mean())
