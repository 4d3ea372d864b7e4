"""Parameters as numeric axes: the coordinate of each trial and the range it was sampled from.

Ordered choices are encoded by their position, not one-hot: rank {1, 2, 4, 8} has four equally
wide cells (the same as log2 rank), since forests are biased towards categorical features with
many levels. Log ranges are encoded as log2. Only target sets and other categorical choices stay
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

from sweep._typing import FloatArray
from sweep.analysis.table import TrialTable
from sweep.study.lora_scaling import LoraScaling
from sweep.study.parameters import Choice, Float, Int, Param, TargetSets
from sweep.study.trial import Scalar

LINE_POINTS = 64
"""Grid points per numeric range."""


@dataclass(frozen=True)
class Axis:
    """One parameter of a set of trials.

    Attributes:
        places: coordinate of each trial, shape ``(n,)``; a choice's index unless ``kind`` is
            ``line``.
        low: lower end of the range; half a step below the smallest of discrete values, so
            that all values have equally wide cells.
        high: upper end of the range, likewise; above ``low``.
        kind: ``line`` for numbers, ``ordered`` for positions 0, 1, 2, ... of ordered choices,
            ``unordered`` for choices without an order.
        size: number of choices; 0 if ``kind`` is ``line``.
    """

    name: str
    places: FloatArray
    low: float
    high: float
    kind: Literal["line", "ordered", "unordered"] = "line"
    size: int = 0

    def take(self, indices: npt.NDArray[np.intp]) -> Axis:
        """The axis with a subset or resample of the trials, shape of ``indices``."""
        return replace(self, places=self.places[indices])

    def reference(self, points: int = LINE_POINTS) -> FloatArray:
        """All choices, or ``points`` evenly spaced coordinates on a line."""
        if self.kind != "line":
            return np.arange(self.size, dtype=np.float64)
        return self.low + (np.arange(points) + 0.5) / points * (self.high - self.low)

    def columns(self, places: FloatArray | None = None) -> FloatArray:
        """Features at coordinates (the trials' own when None): ``(n, 1)``; one-hot if unordered."""
        at = self.places if places is None else places
        if self.kind != "unordered":
            return at[:, None]
        chosen: npt.NDArray[np.bool_] = at[:, None] == np.arange(self.size)
        return chosen.astype(np.float64)

    def bounds(self) -> FloatArray:
        """Bounds of each feature, shape ``(1, 2)``, or ``(size, 2)`` if unordered."""
        if self.kind != "unordered":
            return np.array([[self.low, self.high]])
        return np.tile([0.0, 1.0], (self.size, 1))


@dataclass(frozen=True)
class Derivation:
    """A derived parameter that can replace a sampled one, such as scaling for alpha.

    Attributes:
        replaces: the sampled parameter it replaces.
        of: the varying parameters it is computed from.
        compute: maps a row's values to the derived value, above 0.
    """

    name: str
    replaces: str
    of: tuple[str, ...]
    says: str
    compute: Callable[[Mapping[str, Scalar]], float]


def derivation(table: TrialTable) -> Derivation | None:
    """LoRA scaling derived from rank and alpha, or alpha if scaling was sampled.

    The effect of rank depends on the second parameter: with alpha sampled, a higher rank lowers
    the scaling. Both parametrisations are analysed; the joint effect of the pair is the same in
    either.

    Args:
        table: the trials; ``rslora`` (rank-stabilised scaling) is read from ``fixed``, or from
            each row if it was sampled.

    Returns:
        None if the space lacks one of the two parameters, their values are not positive numbers,
        or ``rslora`` is not boolean.
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
    """The distinct values of ``rslora`` among the trials, sorted; empty if one is not boolean."""
    values_seen: list[Any] = [table.fixed.get("rslora", False)]
    if "rslora" in table.space:
        values_seen = [row.values["rslora"] for row in table.rows]
    known = all(isinstance(each, bool) for each in values_seen)
    return tuple(sorted(set(values_seen))) if known else ()


def sampled_axes(table: TrialTable) -> tuple[Axis, ...]:
    """Axes of the sampled parameters, in the space's order."""
    return tuple(_axis(name, table.space[name], table) for name in table.space)


def with_derived(axes: tuple[Axis, ...], table: TrialTable, rule: Derivation) -> tuple[Axis, ...]:
    """The axes with the derived parameter, in log2, replacing the sampled one.

    Its range covers all values reachable from its parameters. It is treated as independent of
    the others although it is not: its extremes occur only with extremes of rank.
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
    """Parameter value at an axis coordinate; coordinates of unordered choices are unchanged."""
    if isinstance(param, Choice):
        return float(sorted(map(float, param.values))[round(place)]) if param.numeric else place
    return float(param.decode(place)) if isinstance(param, (Int, Float)) else place


def _line(name: str, places: FloatArray, low: float, high: float) -> Axis:
    """A numeric axis; a range of zero width is widened by 0.5 each way to avoid division by 0."""
    return Axis(name, places, low, high) if low < high else Axis(name, places, low - 0.5, low + 0.5)


def _ends(param: Param) -> tuple[Scalar, ...]:
    """Smallest and largest value of a numeric parameter; all values of a categorical one."""
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
