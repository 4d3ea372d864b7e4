"""Differences of two arms, or of two lengths of training, that ran with the same seeds."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import fmean
from typing import Any

import numpy as np
from scipy import stats

from sweep.analysis.rows import Row
from sweep.analysis.table import TrialTable
from sweep.study.design import MEASURE

LEVEL = 0.95  # of every interval
POWER = 0.8  # with which a difference is to be seen, in ``pairs_needed``


@dataclass(frozen=True)
class Contrast:
    """The mean difference of two arms over paired seeds."""

    pairs: int  # how many seeds both arms have
    mean: float  # of the second arm minus the first
    low: float | None  # lower end of its 95 % interval, by Student's t; None with one pair
    high: float | None  # the upper end
    sd: float | None  # of the differences; None with one pair

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


def lengths(shorter: TrialTable, longer: TrialTable) -> dict[str, Any]:
    """What more training does to each measured run, and whether the same runs win.

    Args:
        shorter: of a study with ``targets``.
        longer: of one with the same design.

    Returns:
        A JSON tree: ``gain`` (a paired contrast), ``gains`` by target set, Spearman's ``rank``
        correlation of the two lengths over the runs.

    Raises:
        ValueError: if the two have no run in common.
    """
    first, second = (
        {_key(row): row for row in table.rows if row.phase == MEASURE}
        for table in (shorter, longer)
    )
    shared = sorted(set(first) & set(second))
    before = {index: first[key].value for index, key in enumerate(shared)}
    after = {index: second[key].value for index, key in enumerate(shared)}
    by_set: dict[str, list[float]] = {}
    for index, key in enumerate(shared):
        gains = by_set.setdefault(str(first[key].values["targets"]), [])
        gains.append(after[index] - before[index])
    labels = shorter.space.labels()
    return {
        "gain": contrast(before, after).to_json(),
        "gains": {labels.get(name, name): fmean(gains) for name, gains in sorted(by_set.items())},
        "rank": float(stats.spearmanr(list(before.values()), list(after.values())).statistic),
    }


def _key(row: Row) -> tuple[str, int]:
    """Configuration and seed; as text, for names and numbers do not sort together."""
    return repr(sorted(row.values.items())), row.seed
