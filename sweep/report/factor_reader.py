"""The parameters of a study as factors: which levels they have."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from sweep.axes import Derivation
from sweep.report.factors import Factor, Kind, Level
from sweep.rows import Row
from sweep.space import Choice, Float, Int, TargetSets
from sweep.space.param import Param
from sweep.summary.cells import param as shown

MOST_LEVELS = 12
"""Numbers with more distinct values than these are put into bins."""

BINS = 6
"""Bins of a range, of equal counts."""


@dataclass(frozen=True)
class Reader:
    """Makes factors of a study's parameters.

    Attributes:
        rows: all usable trials: their values decide bins.
        labels: target set to its short name.
    """

    rows: Sequence[Row]
    labels: Mapping[str, str]

    def sampled(self, name: str, param: Param) -> Factor:
        """A parameter of the space."""
        match param:
            case TargetSets():
                levels = tuple(Level(param.label(value), value) for value in param.values)
                says = ", ".join(level.label for level in levels)
                return Factor(name, "choice", log=False, says=f"one of {says}", levels=levels)
            case Choice():
                ordered = param.numeric
                values = sorted(param.values, key=float) if ordered else list(param.values)
                levels = tuple(Level(shown(value, self.labels), value) for value in values)
                says = f"one of {', '.join(level.label for level in levels)}"
                log = ordered and _geometric([float(value) for value in values])
                return Factor(name, "ordered" if ordered else "choice", log, says, levels)
            case Int() | Float():
                ends = f"{shown(param.low, {})} to {shown(param.high, {})}"
                says = f"{ends}, even in the logarithm" if param.log else ends
                kind, levels = self._numbers(name, log=param.log)
                return Factor(name, kind, param.log, says, levels)
        raise TypeError(f"{name}: no factor for {type(param).__name__}")

    def derived(self, rule: Derivation) -> Factor:
        """A figure that the rows have a column of."""
        kind, levels = self._numbers(rule.name, log=True)
        return Factor(rule.name, kind, log=True, says=rule.says, levels=levels, of=rule.of)

    def _numbers(self, name: str, *, log: bool) -> tuple[Kind, tuple[Level, ...]]:
        values = sorted({float(row.values[name]) for row in self.rows})
        if len(values) <= MOST_LEVELS:
            return "ordered", tuple(Level(shown(value, {}), value) for value in values)
        drawn = np.array([float(row.values[name]) for row in self.rows])
        places = np.log(drawn) if log and drawn.min() > 0 else drawn
        cuts = np.quantile(places, np.linspace(0.0, 1.0, BINS + 1), method="median_unbiased")
        edges = np.exp(cuts) if log and drawn.min() > 0 else cuts
        edges[0], edges[-1] = drawn.min(), drawn.max()  # exp(log(x)) may miss x
        edges = np.unique(edges)
        return "range", tuple(
            Level(
                f"{low:.3g} to {high:.3g}", low=float(low), high=float(high), last=high == edges[-1]
            )
            for low, high in itertools.pairwise(edges)
        )


def _geometric(values: Sequence[float]) -> bool:
    """Whether values are spaced by factors rather than by steps."""
    return len(values) > 2 and min(values) > 0 and max(values) / min(values) >= 8.0
