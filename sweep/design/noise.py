"""What a pilot's runs say of the noise of seeds, and of how often runs collapse."""

from __future__ import annotations

from typing import Any

from scipy import stats

from sweep.effects.sample import Sample
from sweep.table import TrialTable

LEVEL = 0.95
"""Confidence of the upper bound on the rate of collapses."""


def seed_noise(table: TrialTable) -> dict[str, Any] | None:
    """The sd of one run over seeds, pooled over configurations; collapsed runs left out.

    Returns:
        ``sd`` with its chi-square 95 % interval ``low``, ``high`` and the ``degrees`` of freedom;
        None where no configuration has two runs.
    """
    alive = table.only(lambda row: not row.collapsed)
    noise = Sample.of((), alive.y, alive.configurations).seed_noise
    if noise.sd is None:
        return None
    return {"sd": noise.sd, "low": noise.low, "high": noise.high, "degrees": noise.df}


def collapse_rate(runs: int, collapsed: int) -> dict[str, Any]:
    """How many runs collapsed, and how large the rate behind that may be.

    Returns:
        ``runs``, ``collapsed``, ``at_most``, the one-sided upper bound of Clopper and Pearson
        (1934, doi:10.1093/biomet/26.4.404), and its ``level``. Of 37 runs without a collapse it
        is 0.078: so few cannot show that collapses are rare.
    """
    at_most = 1.0
    if collapsed < runs:
        at_most = float(stats.beta.ppf(LEVEL, collapsed + 1, runs - collapsed))
    return {"runs": runs, "collapsed": collapsed, "at_most": at_most, "level": LEVEL}
