"""Numeric axes of figures: positions of a factor's levels, logarithmic ticks."""

from __future__ import annotations

import itertools
import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sweep.report.figures.figure import Tree
from sweep.report.figures.text import safe, wrapped
from sweep.report.figures.theme import axis

CLOSEST = 0.03
"""If two levels are closer than this fraction of the axis, all levels are evenly spaced."""


@dataclass(frozen=True)
class Scale:
    """The axis of a factor with ordered numeric levels.

    Attributes:
        values: values of the levels, ascending.
        log: whether the axis is logarithmic.
        even: whether levels are at 0, 1, 2, ... instead of at their values.
    """

    values: Sequence[float]
    log: bool
    even: bool

    @classmethod
    def of(cls, factor: Tree) -> Scale:
        """Choose the scale for an ordered factor."""
        values = [level["value"] for level in factor["levels"]]
        log = min(values) > 0 and (factor["log"] or _powers_of_two(values))
        places = [math.log10(v) if log else float(v) for v in values]
        gaps = [b - a for a, b in itertools.pairwise(places)]
        crowded = bool(gaps) and min(gaps) < CLOSEST * (places[-1] - places[0])
        return cls(values, log and not crowded, crowded)

    @property
    def step(self) -> float:
        """Smallest distance between levels, in decades if logarithmic."""
        if self.even or len(self.values) < 2:
            return 1.0
        places = [math.log10(v) if self.log else float(v) for v in self.values]
        return min(b - a for a, b in itertools.pairwise(places))

    def place(self, index: int, offset: float) -> float:
        """Position of a mark, ``offset`` steps from its level."""
        value = index if self.even else self.values[index]
        if self.log:  # keep within floating-point range
            aside = value * 10 ** (offset * self.step)
            return min(max(aside, math.ulp(0.0)), sys.float_info.max)
        return float(value + offset * self.step)

    def axis(self, factor: Tree) -> dict[str, Any]:
        """Plotly axis with a tick at each level."""
        ends = (self.place(0, -0.6), self.place(len(self.values) - 1, 0.6))
        return axis(
            safe(factor["name"]),
            type="log" if self.log else "linear",
            range=[math.log10(end) for end in ends] if self.log else list(ends),
            tickvals=list(range(len(self.values))) if self.even else list(self.values),
            ticktext=[wrapped(level["label"], 10) for level in factor["levels"]],
            showgrid=False,
        )


def log_axis(title: str, low: float, high: float, **more: Any) -> dict[str, Any]:
    """Plotly axis in log scale over positive numbers, with one to three ticks per decade.

    Args:
        title: axis title, escaped.
        low: the smallest number.
        high: the largest number.
        more: further axis attributes.
    """
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    decades = math.log10(high) - math.log10(low)
    steps = (1, 2, 5) if decades < 1.4 else (1, 3) if decades < 3 else (1,)
    ticks = [float(f"{step}e{power}") for power in range(first, last + 1) for step in steps]
    pad = 0.03 * decades or 0.3
    return axis(
        title,
        type="log",
        tickvals=ticks,
        range=[math.log10(low) - pad, math.log10(high) + pad],
        **{"tickformat": "~g", **more},
    )


def is_numeric(factor: Tree) -> bool:
    """Whether all levels are numbers in ascending order."""
    values = [level["value"] for level in factor["levels"]]
    numbers = all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in values)
    return numbers and all(a < b for a, b in itertools.pairwise(values))


def _powers_of_two(values: Sequence[float]) -> bool:
    """Whether all values are powers of two, as ranks and alphas usually are."""
    return len(values) > 1 and all(v > 0 and math.frexp(v)[0] == 0.5 for v in values)
