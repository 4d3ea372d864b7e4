"""Bootstrap intervals and permutation null distributions for any importance method.

Why not ``scipy.stats.bootstrap``: it resamples single rows, not configurations with all seeds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from sweep._typing import FloatArray, IndexArray

WORTH = 50_000
"""Smallest number of estimates times trials for worker processes to be faster: their imports take
seconds, and 100 resamples of 162 trials take less than two seconds."""

Estimate = Callable[[IndexArray, int], FloatArray]
"""Maps row indices and a seed to shares, shape ``(k,)``; NaN if undefined."""

NULL_LEVEL = 0.99
"""Quantile of the shares under permuted values that a share must exceed to be significant."""


def parallel_map(
    estimate: Callable[..., FloatArray], asked: Sequence[tuple[Any, ...]], *, size: int
) -> list[FloatArray]:
    """Apply an estimator to each tuple of arguments, in order, in parallel if worthwhile.

    Args:
        estimate: the estimator; deterministic, since it may run in another process.
        asked: its arguments, one tuple per call.
        size: number of trials used by each call.
    """
    if len(asked) * size < WORTH:
        return _in_turn(estimate, asked)
    import joblib  # imports its backends: only when used

    # One job per worker, so that the estimator and its trials are sent to each worker once.
    workers = joblib.cpu_count()
    parts = [range(start, len(asked), workers) for start in range(workers)]
    jobs = [joblib.delayed(_in_turn)(estimate, [asked[i] for i in part]) for part in parts]
    found: list[Any] = [None] * len(asked)
    for part, given in zip(parts, joblib.Parallel(n_jobs=workers)(jobs), strict=True):
        for index, each in zip(part, given, strict=True):
            found[index] = each
    return found


def _in_turn(
    estimate: Callable[..., FloatArray], asked: Sequence[tuple[Any, ...]]
) -> list[FloatArray]:
    return [estimate(*each) for each in asked]


def resamples(
    estimate: Estimate, configurations: IndexArray, *, n_bootstrap: int, seed: int
) -> FloatArray:
    """Cluster bootstrap: the estimate on resampled configurations, each with all its seeds.

    Seeds of a configuration are not independent; resampling single rows would give intervals that
    are too short.

    Args:
        estimate: the method.
        configurations: configuration index of each row, shape ``(n,)``.
        n_bootstrap: number of resamples.
        seed: the only source of randomness.

    Returns:
        Shape ``(m, k)``, m at most ``n_bootstrap``, since resamples with an undefined estimate
        are left out; ``(0, 0)`` if there are none.
    """
    rng = np.random.default_rng(seed)
    order = np.argsort(configurations, kind="stable")
    members = np.split(order, np.flatnonzero(np.diff(configurations[order])) + 1)
    asked = []
    for _ in range(n_bootstrap):
        picked = rng.integers(len(members), size=len(members))
        rows = np.concatenate([members[p] for p in picked])
        asked.append((rows, int(rng.integers(2**31))))
    draws = _answers(parallel_map(estimate, asked, size=len(configurations)))
    return np.array(draws) if draws else np.empty((0, 0))


def intervals(
    estimate: Estimate,
    point: FloatArray,
    configurations: IndexArray,
    *,
    n_bootstrap: int,
    level: float,
    seed: int,
) -> tuple[FloatArray, FloatArray]:
    """Percentile bootstrap intervals over resampled configurations.

    A forest overfits rows that a resample repeats, so the resampled shares can be biased against
    the point estimate; the interval is widened to contain it.

    Args:
        estimate: the method.
        point: the estimate on all rows, shape ``(k,)``.
        configurations: configuration index of each row, shape ``(n,)``.
        n_bootstrap: number of resamples; 0 gives intervals of zero width.
        level: nominal coverage, in (0, 1).
        seed: the only source of randomness.

    Returns:
        Lower and upper ends, each of shape ``(k,)``.
    """
    draws = resamples(estimate, configurations, n_bootstrap=n_bootstrap, seed=seed)
    if not len(draws):
        return point, point
    tail = (1.0 - level) / 2.0
    low, high = np.quantile(draws, [tail, 1.0 - tail], axis=0)
    return np.minimum(low, point), np.maximum(high, point)


def permuted(y: FloatArray, configurations: IndexArray, rng: np.random.Generator) -> FloatArray:
    """Values with the configuration means permuted and the deviations within them kept.

    So any effect of the parameters is removed, while seeds of one configuration stay as similar as
    they were. Exact if all configurations have the same number of seeds, else approximate, since
    a mean of two seeds has a slightly smaller variance than a single run.

    Source: whole-block exchangeability, Winkler et al. 2014, doi:10.1016/j.neuroimage.2014.01.060.

    Args:
        y: the values, shape ``(n,)``.
        configurations: configuration index of each value, from 0 without gaps, shape ``(n,)``.
        rng: random generator of the permutation.
    """
    means = np.bincount(configurations, weights=y) / np.bincount(configurations)
    swapped: FloatArray = y + (rng.permutation(means) - means)[configurations]
    return swapped


def null_shares(
    estimate: Callable[[FloatArray, int], FloatArray],
    y: FloatArray,
    configurations: IndexArray,
    *,
    n_null: int,
    seed: int,
) -> FloatArray | None:
    """The 99th percentile of each share when the values are permuted over the configurations.

    Source: Altmann et al. 2010, doi:10.1093/bioinformatics/btq134.

    Args:
        estimate: the method; maps values of shape ``(n,)`` and a seed to shares, shape ``(k,)``.
        y: the values, shape ``(n,)``.
        configurations: configuration index of each value, shape ``(n,)``.
        n_null: number of permutations.
        seed: the only source of randomness.

    Returns:
        Shape ``(k,)``; None if the estimate is undefined for all permutations.
    """
    rng = np.random.default_rng([seed, 1])  # not the resamples' stream
    labels = np.unique(configurations, return_inverse=True)[1]
    asked = [(permuted(y, labels, rng), int(rng.integers(2**31))) for _ in range(n_null)]
    draws = _answers(parallel_map(estimate, asked, size=len(y)))
    return np.quantile(draws, NULL_LEVEL, axis=0) if draws else None


def _answers(draws: list[FloatArray]) -> list[FloatArray]:
    return [each for each in draws if not np.isnan(each).any()]
