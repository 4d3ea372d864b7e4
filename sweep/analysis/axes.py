"""Parameters as axes for analysis: where each trial lies, and the range it was drawn from.

Ordered choices enter by their position, not one-hot: rank {1, 2, 4, 8} is a line of four
equal cells (the same as log2 rank), since a forest favours unordered choices the more, the
more of them there are. Log ranges enter as log2. Only target sets and other names stay
unordered.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from sweep.analysis.table import TrialTable
from sweep.study.lora_scaling import LoraScaling
from sweep.study.parameters import Choice, Float, Int, Param, TargetSets
from sweep.study.trial import Scalar

FloatArray = npt.NDArray[np.float64]

LINE_POINTS = 64
"""Points that stand for a range of numbers."""


@dataclass(frozen=True)
class Axis:
    """One parameter of a set of trials.

    Attributes:
        name: the parameter.
        places: where each trial lies, shape ``(n,)``; an index unless on a line.
        low: lower end of the range; half a step below the smallest of discrete values, so
            that each value owns an equal cell.
        high: upper end of the range, likewise; above ``low``.
        kind: ``line`` for numbers, ``ordered`` for positions 0, 1, 2, ... of ordered choices,
            ``unordered`` for choices without an order.
        size: how many choices; 0 on a line.
    """

    name: str
    places: FloatArray
    low: float
    high: float
    kind: Literal["line", "ordered", "unordered"] = "line"
    size: int = 0

    def take(self, indices: npt.NDArray[np.intp]) -> Axis:
        """The same axis for other trials, shape of ``indices``."""
        return replace(self, places=self.places[indices])

    def reference(self) -> FloatArray:
        """The places that stand for the whole axis, evenly: all choices, or points on a line."""
        if self.kind != "line":
            return np.arange(self.size, dtype=np.float64)
        return self.low + (np.arange(LINE_POINTS) + 0.5) / LINE_POINTS * (self.high - self.low)

    def columns(self, places: FloatArray | None = None) -> FloatArray:
        """Features for a forest: shape ``(n, 1)``, or one-hot ``(n, size)`` if unordered.

        Args:
            places: other places than the trials', shape ``(n,)``.
        """
        at = self.places if places is None else places
        if self.kind != "unordered":
            return at[:, None]
        chosen: npt.NDArray[np.bool_] = at[:, None] == np.arange(self.size)
        return chosen.astype(np.float64)

    def bounds(self) -> FloatArray:
        """Ends of each feature, shape ``(1, 2)``, or ``(size, 2)`` if unordered."""
        if self.kind != "unordered":
            return np.array([[self.low, self.high]])
        return np.tile([0.0, 1.0], (self.size, 1))


@dataclass(frozen=True)
class Derivation:
    """A figure that may stand in for one sampled parameter.

    Attributes:
        name: the derived figure.
        replaces: the sampled parameter it stands in for.
        of: the parameters it is made of, of those that vary.
        says: how it is computed, in words.
        compute: from a row's values to the figure, above 0.
    """

    name: str
    replaces: str
    of: tuple[str, ...]
    says: str
    compute: Callable[[Mapping[str, Scalar]], float]


def derivation(table: TrialTable) -> Derivation | None:
    """The scaling that rank and alpha make, or alpha where scaling is what is sampled.

    "Rank does not matter" depends on what stands beside it: with alpha sampled, raising rank
    lowers the scaling. Both views are shown, and the pair together depends on neither.

    Args:
        table: also tells whether the trials are rank-stabilised: by a setting, or each by its own.

    Returns:
        None when the space lacks the two parameters, or they are not positive numbers, or what
        is said of ``rslora`` is no truth value.
    """
    space, kinds = table.space, kinds_of_scaling(table)
    if "rank" not in space or not _positive(space["rank"]) or not kinds:
        return None

    def stabilised(values: Mapping[str, Scalar]) -> bool:
        return kinds[0] if len(kinds) == 1 else bool(values["rslora"])

    def scaling(values: Mapping[str, Scalar]) -> float:
        rank, alpha = float(values["rank"]), float(values["alpha"])
        return LoraScaling(rank, alpha, rslora=stabilised(values)).factor

    def alpha(values: Mapping[str, Scalar]) -> float:
        rank, factor = float(values["rank"]), float(values["scaling"])
        return LoraScaling.of_factor(rank, factor, rslora=stabilised(values)).alpha

    for name, replaces, compute, does in (
        ("scaling", "alpha", scaling, "alpha / "),
        ("alpha", "scaling", alpha, "scaling * "),
    ):
        if replaces in space and name not in space and _positive(space[replaces]):
            made_of = ("rank", replaces) if len(kinds) == 1 else ("rank", replaces, "rslora")
            of = tuple(each for each in space if each in made_of)
            ways = [f"{does}{'sqrt(rank) with rslora' if each else 'rank'}" for each in kinds]
            says = f"{does}sqrt(rank)" if kinds == (True,) else ", or ".join(ways)
            return Derivation(name, replaces, of, says, compute)
    return None


def kinds_of_scaling(table: TrialTable) -> tuple[bool, ...]:
    """Whether the trials of a table are rank-stabilised: both ways where some are.

    Returns:
        In order; empty where ``rslora`` is said to be neither true nor false.
    """
    told: list[Any] = [table.fixed.get("rslora", False)]
    if "rslora" in table.space:
        told = [row.values["rslora"] for row in table.rows]
    known = all(isinstance(each, bool) for each in told)
    return tuple(sorted(set(told))) if known else ()


def sampled_axes(table: TrialTable) -> tuple[Axis, ...]:
    """The parameters as sampled, in the space's order."""
    return tuple(_axis(name, table.space[name], table) for name in table.space)


def with_derived(axes: tuple[Axis, ...], table: TrialTable, rule: Derivation) -> tuple[Axis, ...]:
    """The axes with a derived figure, on log2, in the place of the parameter it replaces.

    Its range is all that its parameters can reach. Fitted as if independent of the rest,
    which it is not: its far ends were only seen beside the ends of the other parameter.
    """
    ends = itertools.product(*(_ends(table.space[name]) for name in rule.of))
    reach = [math.log2(rule.compute(dict(zip(rule.of, each, strict=True)))) for each in ends]
    places = np.array([math.log2(rule.compute(row.values)) for row in table.rows])
    derived = _line(rule.name, places, min(reach), max(reach))
    return tuple(derived if axis.name == rule.replaces else axis for axis in axes)


def _axis(name: str, param: Param, table: TrialTable) -> Axis:
    values = [row.values[name] for row in table.rows]
    match param:
        case Choice() if param.numeric:
            order = sorted(param.values, key=float)
            places = np.array([order.index(value) for value in values], dtype=np.float64)
            return Axis(name, places, -0.5, len(order) - 0.5, "ordered", len(order))
        case Choice() | TargetSets():
            places = np.array([param.encode(value) for value in values])
            return Axis(name, places, 0.0, 1.0, "unordered", len(param.values))
        case Int():
            half = param.step / 2
            low, high = param.low - half, param.high + half
        case Float():
            low, high = param.low, param.high
        case _:
            raise TypeError(f"{name}: no axis for {type(param).__name__}")
    places = np.array([param.encode(value) for value in values])
    if param.log:
        low, high = math.log2(low), math.log2(high)
    return _line(name, places, low, high)


def value_at(param: Param, place: float) -> float:
    """The number that a place on a parameter's axis stands for; a place of names is itself."""
    if isinstance(param, Choice):
        return float(sorted(map(float, param.values))[round(place)]) if param.numeric else place
    return float(param.decode(place)) if isinstance(param, (Int, Float)) else place


def _line(name: str, places: FloatArray, low: float, high: float) -> Axis:
    """An axis of numbers; a range of one value gets a width to divide by."""
    return Axis(name, places, low, high) if low < high else Axis(name, places, low - 0.5, low + 0.5)


def _ends(param: Param) -> tuple[Scalar, ...]:
    """Smallest and largest value of a numeric parameter; both values of a switch."""
    match param:
        case Choice() if param.numeric:
            return min(map(float, param.values)), max(map(float, param.values))
        case Choice():
            return tuple(param.values)
        case Int() | Float():
            return float(param.low), float(param.high)
    raise TypeError(f"no ends for {type(param).__name__}")


def _positive(param: Param) -> bool:
    """Whether every value is a number above 0."""
    if isinstance(param, Choice):
        return param.numeric and all(float(value) > 0 for value in param.values)
    return isinstance(param, (Int, Float)) and param.low > 0
