"""The noise of seeds, and how many configurations it takes to see past it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy import stats

from sweep.phases import is_collapsed
from sweep.table import TrialTable

FEWEST = 80
"""Configurations below which nothing is shown to be negligible at any noise worth having."""

PER_NOISE = 250.0
"""Configurations to show that an effect is below delta when one run's sd is delta."""


def seed_noise(table: TrialTable) -> dict[str, Any] | None:
    """The sd of one run over seeds, pooled over configurations; collapsed runs left out.

    Returns:
        ``sd`` with its chi-square 95 % interval ``low``, ``high`` and the ``degrees`` of freedom;
        None where no configuration has two runs.
    """
    groups: dict[str, list[float]] = {}
    for row in table.rows:
        if not is_collapsed(row.metrics):
            groups.setdefault(repr(sorted(row.values.items())), []).append(row.value)
    squares = math.fsum(float(np.var(values)) * len(values) for values in groups.values())
    degrees = sum(len(values) - 1 for values in groups.values())
    if degrees == 0:
        return None
    sd = math.sqrt(squares / degrees)
    low, high = (sd * math.sqrt(degrees / stats.chi2.ppf(p, degrees)) for p in (0.975, 0.025))
    return {"sd": sd, "low": float(low), "high": float(high), "degrees": degrees}


def needed(noise: Mapping[str, Any] | None, delta: float) -> dict[str, Any]:
    """Configurations to show that an effect is below delta: 250 (sd / delta)^2, at least 80."""

    def count(sd: float) -> int:
        return max(FEWEST, math.ceil(PER_NOISE * (sd / delta) ** 2))

    if noise is None:
        return {"delta": delta, "configurations": None, "at_most": None}
    return {
        "delta": delta,
        "configurations": count(noise["sd"]),
        "at_most": count(noise["high"]),
    }
