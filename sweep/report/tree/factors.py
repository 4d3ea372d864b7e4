"""Factors with levels, and the mean objective per level and per cell of two crossed factors."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from scipy import stats

from sweep.analysis.axes import Derivation
from sweep.analysis.rows import Row
from sweep.study.parameters import Choice, Float, Int, Param, TargetSets
from sweep.study.trial import Scalar
from sweep.terminal.formatting import param as shown

INTERVAL = "95 % t intervals of means over configurations"
"""Description of the intervals; seeds of one configuration are averaged first."""

Kind = Literal["choice", "ordered", "range"]
Value = Callable[[Row], float | None]

MOST_LEVELS = 12
"""Numeric parameters with more distinct values are cut into bins."""

BINS = 6
"""Number of bins of a range, with equal counts."""


@dataclass(frozen=True)
class Level:
    """One value of a factor, or a bin of values.

    Attributes:
        value: the value; None for a bin.
        low: lower end of a bin, inclusive; None for a value.
        high: upper end of a bin, exclusive unless it is the last bin; None for a value.
        last: whether it is the last bin.
    """

    label: str
    value: Scalar | None = None
    low: float | None = None
    high: float | None = None
    last: bool = False

    def holds(self, value: Scalar) -> bool:
        """Whether a value belongs to this level."""
        if self.low is None or self.high is None:
            return value == self.value and isinstance(value, bool) is isinstance(self.value, bool)
        number = float(value)
        return self.low <= number < self.high or (self.last and number == self.high)


@dataclass(frozen=True)
class Factor:
    """A sampled parameter, or one derived from sampled ones.

    Attributes:
        kind: unordered ``choice``, ``ordered`` values, or a ``range`` cut into bins.
        log: whether its scale is logarithmic.
        says: its values, or its formula, as text.
        levels: values or bins.
        of: the parameters it is derived from; empty if sampled.
    """

    name: str
    kind: Kind
    log: bool
    says: str
    levels: tuple[Level, ...]
    of: tuple[str, ...] = ()

    def to_json(self, rows: Sequence[Row], configurations: Mapping[int, int]) -> dict[str, Any]:
        """The factor as JSON data, with the objective of the given trials per level."""
        return {
            "name": self.name,
            "kind": self.kind,
            "log": self.log,
            "derived": bool(self.of),
            "of": list(self.of),
            "says": self.says,
            "levels": levels_of(self, rows, configurations, lambda row: row.value),
        }


def levels_of(
    factor: Factor, rows: Sequence[Row], configurations: Mapping[int, int], value: Value
) -> list[dict[str, Any]]:
    """Count, mean and interval of a quantity per level of a factor.

    Args:
        factor: the factor.
        rows: the eligible trials.
        configurations: trial number to configuration index.
        value: function from a row to the quantity; None if missing.
    """
    return [
        {
            "value": level.value,
            "label": level.label,
            "from": level.low,
            "to": level.high,
            **mean_of(
                [row for row in rows if level.holds(row.values[factor.name])], configurations, value
            ),
        }
        for level in factor.levels
    ]


def mean_of(rows: Sequence[Row], configurations: Mapping[int, int], value: Value) -> dict[str, Any]:
    """Count and mean over configurations of a quantity, with its t interval (None if too few)."""
    by_configuration: dict[int, list[float]] = {}
    for row in rows:
        figure = value(row)
        if figure is not None and math.isfinite(figure):
            by_configuration.setdefault(configurations[row.number], []).append(figure)
    means = np.array([math.fsum(values) / len(values) for values in by_configuration.values()])
    found: dict[str, Any] = {
        "n": sum(map(len, by_configuration.values())),
        "configurations": len(means),
        "mean": float(means.mean()) if len(means) else None,
        "low": None,
        "high": None,
    }
    if len(means) > 1:
        half = float(stats.t.ppf(0.975, len(means) - 1) * means.std(ddof=1) / len(means) ** 0.5)
        found |= {"low": found["mean"] - half, "high": found["mean"] + half}
    return found


def cross_table(
    rows: Factor, columns: Factor, of: Sequence[Row], configurations: Mapping[int, int]
) -> dict[str, Any]:
    """Means and counts of two crossed factors as JSON data, one list per level of ``rows``."""
    grid = []
    for first in rows.levels:
        line = [row for row in of if first.holds(row.values[rows.name])]
        cells = (
            [row for row in line if second.holds(row.values[columns.name])]
            for second in columns.levels
        )
        grid.append([mean_of(cell, configurations, lambda row: row.value) for cell in cells])
    return {
        "rows": rows.name,
        "columns": columns.name,
        "row_labels": [level.label for level in rows.levels],
        "column_labels": [level.label for level in columns.levels],
        "mean": [[cell["mean"] for cell in line] for line in grid],
        "n": [[cell["n"] for cell in line] for line in grid],
    }


@dataclass(frozen=True)
class Reader:
    """Converts a study's parameters to factors; usable trials (``rows``) determine the bins."""

    rows: Sequence[Row]
    labels: Mapping[str, str]

    def sampled(self, name: str, param: Param) -> Factor:
        """Factor of a sampled parameter."""
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
        """Factor of a derived parameter, which the rows must contain."""
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
    """Whether three or more positive values span a factor of 8, so that a log scale is used."""
    return len(values) > 2 and min(values) > 0 and max(values) / min(values) >= 8.0
