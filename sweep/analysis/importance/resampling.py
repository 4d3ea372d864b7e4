"""Intervals and null distributions for any method: configurations resampled, or values permuted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]

WORTH = 50_000
"""Estimates times trials from which worker processes pay: they take seconds to import what they
need, and 100 resamples of 162 trials take less than two."""


def parallel_map(
    estimate: Callable[..., FloatArray], asked: Sequence[tuple[Any, ...]], *, size: int
) -> list[FloatArray]:
    """One estimate for each set of arguments, in their order.

    Args:
        estimate: the method; deterministic, since it may run in another process.
        asked: its arguments, a tuple for each call.
        size: trials that each estimate looks at.

    Returns:
        What each call gave, the same wherever it ran.
    """
    if len(asked) * size < WORTH:
        return [estimate(*each) for each in asked]
    import joblib  # imports its backends: only when used

    # Each worker gets its share whole: what an estimate holds (the trials) is sent once.
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


Indices = npt.NDArray[np.intp]
Estimate = Callable[[Indices, int], FloatArray]
"""From row indices and a seed to shares, shape ``(k,)``; NaN where there is no answer."""

NULL_LEVEL = 0.99
"""The quantile of the shares under permuted values that a real share should exceed."""


def resamples(
    estimate: Estimate, configurations: Indices, *, n_bootstrap: int, seed: int
) -> FloatArray:
    """The estimate on resampled configurations, each with all its replicate seeds.

    Replicates of a configuration are not independent trials; resampling single rows would
    count them as such and give intervals that are too short.

    Args:
        estimate: the method.
        configurations: which configuration each row is, shape ``(n,)``.
        n_bootstrap: how many resamples.
        seed: the only source of randomness.

    Returns:
        Shape ``(m, k)``, m at most ``n_bootstrap``: resamples in which nothing varied are left
        out; ``(0, 0)`` when there is none.
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
    configurations: Indices,
    *,
    n_bootstrap: int,
    level: float,
    seed: int,
) -> tuple[FloatArray, FloatArray]:
    """Percentile intervals over resampled configurations.

    A forest grown on repeated rows fits them more closely than fresh ones, so the resampled
    shares can lie beside the point estimate: the interval is widened to hold it.

    Args:
        estimate: the method.
        point: its answer on all rows, shape ``(k,)``.
        configurations: which configuration each row is, shape ``(n,)``.
        n_bootstrap: resamples; 0 gives intervals of no width.
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


def permuted(y: FloatArray, configurations: Indices, rng: np.random.Generator) -> FloatArray:
    """Values that have nothing to do with their configurations, but scatter as they did.

    The configurations' means change places; what a replicate differs from its configuration's
    mean stays with it, so that seeds of one configuration stay as alike as they were. Exact
    where all configurations have equally many replicates, else nearly so: a mean of two seeds
    scatters a little less than a single run.

    Source: whole-block exchangeability, Winkler et al. 2014, doi:10.1016/j.neuroimage.2014.01.060.

    Args:
        y: the values, shape ``(n,)``.
        configurations: which configuration each is, numbered from 0 without gaps, shape ``(n,)``.
        rng: decides the permutation.
    """
    means = np.bincount(configurations, weights=y) / np.bincount(configurations)
    swapped: FloatArray = y + (rng.permutation(means) - means)[configurations]
    return swapped


def null_shares(
    estimate: Callable[[FloatArray, int], FloatArray],
    y: FloatArray,
    configurations: Indices,
    *,
    n_null: int,
    seed: int,
) -> FloatArray | None:
    """What each share is at most when nothing matters: its 99th percentile under permuted values.

    Source: Altmann et al. 2010, doi:10.1093/bioinformatics/btq134.

    Args:
        estimate: the method, from values of shape ``(n,)`` and a seed to shares, shape ``(k,)``.
        y: the values.
        configurations: see ``permuted``.
        n_null: permutations.
        seed: the only source of randomness.

    Returns:
        Shape ``(k,)``; None where no permutation has an answer.
    """
    rng = np.random.default_rng([seed, 1])  # not the resamples' stream
    labels = np.unique(configurations, return_inverse=True)[1]
    asked = [(permuted(y, labels, rng), int(rng.integers(2**31))) for _ in range(n_null)]
    draws = _answers(parallel_map(estimate, asked, size=len(y)))
    return np.quantile(draws, NULL_LEVEL, axis=0) if draws else None


def _answers(draws: list[FloatArray]) -> list[FloatArray]:
    return [each for each in draws if not np.isnan(each).any()]
