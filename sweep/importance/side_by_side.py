"""Many estimates at once: the same numbers, on every core that this process may use."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]

WORTH = 50_000
"""Estimates times trials from which worker processes pay: they take seconds to import what they
need, and 100 resamples of 162 trials take less than two."""


def spread(
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
