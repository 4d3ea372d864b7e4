"""Intervals for any importance method: percentile bootstrap over configurations."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
Estimate = Callable[[npt.NDArray[np.intp], int], FloatArray]
"""From row indices and a seed to shares, shape ``(k,)``; NaN where there is no answer."""


def intervals(
    estimate: Estimate,
    point: FloatArray,
    configurations: npt.NDArray[np.intp],
    *,
    n_bootstrap: int,
    level: float,
    seed: int,
) -> tuple[FloatArray, FloatArray]:
    """Percentile intervals, resampling configurations with all their replicate seeds.

    Replicates of a configuration are not independent trials; resampling single rows would
    count them as such and give intervals that are too short.

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
    rng = np.random.default_rng(seed)
    members = [np.flatnonzero(configurations == c) for c in np.unique(configurations)]
    draws = []
    for _ in range(n_bootstrap):
        picked = rng.integers(len(members), size=len(members))
        rows = np.concatenate([members[p] for p in picked])
        drawn = estimate(rows, int(rng.integers(2**31)))
        if not np.isnan(drawn).any():  # else a resample in which nothing varied
            draws.append(drawn)
    if not draws:
        return point, point
    tail = (1.0 - level) / 2.0
    low, high = np.quantile(draws, [tail, 1.0 - tail], axis=0)
    return np.minimum(low, point), np.maximum(high, point)
