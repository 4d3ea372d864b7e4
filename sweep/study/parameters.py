"""The kinds of parameters: ``Choice``, ``TargetSets``, ``Int`` and ``Float``."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any, Protocol

from sweep.errors import SpecError, fault
from sweep.study.native import make_native, native
from sweep.study.targets import canonical
from sweep.study.trial import Scalar


class Param(Protocol):
    """One dimension of the search space."""

    def faults(self, name: str) -> list[str]:
        """All faults, one sentence each; empty if the parameter is valid."""

    def contains(self, value: object) -> bool:
        """Whether a value is valid for the parameter."""

    def encode(self, value: Scalar) -> float:
        """A value's coordinate on the parameter's axis (log2 if ``log``; the index of a choice)."""

    def decode(self, place: float) -> Scalar:
        """The value at, or nearest to, a coordinate; inverse of ``encode``."""

    def grid(self) -> tuple[Scalar, ...] | None:
        """All values, or None if there are too many to list."""

    def to_json(self) -> dict[str, Any]:
        """A JSON tree that ``param_from_json`` reads back."""


def is_number(value: object) -> bool:
    """Whether ``value`` is a finite number (booleans are not numbers)."""
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:  # an integer too large for a float
        return False


class _Listed:
    """A parameter with a few values, each encoded as its index."""

    values: tuple[Any, ...]

    def encode(self, value: Scalar) -> float:
        """The value's index."""
        return float(self.values.index(value))

    def decode(self, place: float) -> Any:
        """The value at the nearest index."""
        return self.values[min(max(round(place), 0), len(self.values) - 1)]

    def grid(self) -> tuple[Any, ...]:
        """All values."""
        return self.values


@dataclass(frozen=True, init=False)
class Choice(_Listed):
    """One of several values: ``Choice(1, 2, 4)`` or ``Choice("linear", "cosine")``.

    Attributes:
        values: the choices: strings, numbers or booleans, each once.
    """

    values: tuple[Scalar, ...]

    def __init__(self, *values: Scalar) -> None:
        object.__setattr__(self, "values", tuple(map(native, values)))

    def faults(self, name: str) -> list[str]:
        """All faults, one sentence each."""
        if not self.values:
            return [fault(f"space.{name}", "offer at least one value", self.values)]
        for value in self.values:
            if type(value) in (int, float) and not is_number(value):
                return [fault(f"space.{name}", "hold finite numbers", value)]
        for value in self.values:
            if not isinstance(value, (str, int, float, bool)):
                why = "Anything else does not survive a resume"
                way_out = f"{why}; write a string, or use TargetSets for sets of matrices"
                rule = "hold strings, numbers or booleans"
                return [fault(f"space.{name}", rule, value, way_out=way_out)]
        if len(set(self.values)) < len(self.values):  # also catches 1 == True, 1 == 1.0
            return [fault(f"space.{name}", "offer each value once", self.values)]
        return []

    @property
    def numeric(self) -> bool:
        """Whether every value is a number, so that the choices are ordered."""
        return all(is_number(value) for value in self.values)

    def contains(self, value: object) -> bool:
        """Whether ``value`` is among the choices (``True`` is not ``1``)."""
        return any(value == v and type(value) is type(v) for v in self.values)

    def to_json(self) -> dict[str, Any]:
        """A JSON tree."""
        return {"kind": "choice", "values": list(self.values)}


@dataclass(frozen=True, init=False)
class TargetSets(_Listed):
    """Named sets of weight matrices: ``TargetSets("qkv", "mlp", wide="all-linear")``.

    Attributes:
        sets: (label, set as written) in order; the label is the text itself unless named.
    """

    sets: tuple[tuple[str, str], ...]

    def __init__(self, *sets: str, **named: str) -> None:
        self._keep([*((text, text) for text in sets), *named.items()])

    def _keep(self, pairs: Iterable[Sequence[str]]) -> None:
        plain = tuple((native(label), native(text)) for label, text in pairs)
        object.__setattr__(self, "sets", plain)

    @classmethod
    def from_pairs(cls, pairs: Iterable[Sequence[str]]) -> TargetSets:
        """Build from (label, set) pairs, as JSON holds them."""
        made = cls()
        made._keep(pairs)
        return made

    @cached_property
    def values(self) -> tuple[str, ...]:  # type: ignore[override]
        """The sets in canonical form, as stored."""
        return tuple(canonical(text) for _, text in self.sets)

    def label(self, value: str) -> str:
        """The label of a canonical set, or the set itself if it has none."""
        return next((label for label, text in self.sets if canonical(text) == value), value)

    def faults(self, name: str) -> list[str]:
        """All faults, one sentence each; two names for the same matrices are a fault."""
        if not self.sets:
            return [fault(f"space.{name}", "offer at least one target set", ())]
        faults: list[str] = []
        seen: dict[str, str] = {}
        for label, text in self.sets:
            try:
                value = canonical(text, where=f"space.{name}")
            except SpecError as error:
                faults.extend(error.faults)
                continue
            if not isinstance(label, str) or not label.isprintable():
                faults.append(fault(f"space.{name}", "have labels of one printable line", label))
                continue
            if value in seen:
                rule, where = "name each set of matrices once", f"same as {seen[value]!r}: {value}"
                way_out = "Remove one of the two"
                faults.append(fault(f"space.{name}", rule, label, where=where, way_out=way_out))
            seen.setdefault(value, label)
        return faults

    def contains(self, value: object) -> bool:
        """Whether ``value`` is the canonical string of one of the sets."""
        return value in self.values

    def to_json(self) -> dict[str, Any]:
        """A JSON tree."""
        return {"kind": "target_sets", "sets": [list(pair) for pair in self.sets]}


_GRID_LIMIT = 10_000

_EXACT = 2**53
"""Databases store numbers as floats, which represent integers exactly up to this limit."""


def _range_faults(name: str, low: object, high: object, *, log: object) -> list[str]:
    faults = [
        fault(f"space.{name}.{end}", "be a finite number", value)
        for end, value in (("low", low), ("high", high))
        if not is_number(value)
    ]
    if not isinstance(log, bool):
        faults.append(fault(f"space.{name}.log", "be True or False", log))
    if faults:
        return faults
    if low > high:  # type: ignore[operator]
        faults.append(fault(f"space.{name}", "have low <= high", (low, high)))
    if log and low <= 0:  # type: ignore[operator]
        rule = "be above 0 on a log axis"
        faults.append(fault(f"space.{name}.low", rule, low, way_out="Raise low"))
    return faults


class _Range:
    """A parameter with a range of numbers, encoded as themselves or their log2."""

    log: bool

    def __post_init__(self) -> None:
        """Convert the fields to plain Python values."""
        make_native(self)

    def encode(self, value: Scalar) -> float:
        """The number, or its log2."""
        return math.log2(float(value)) if self.log else float(value)


@dataclass(frozen=True)
class Int(_Range):
    """Integers from ``low`` to ``high``, both included.

    Attributes:
        low: smallest value.
        high: largest value.
        log: whether to sample uniformly in the logarithm; requires ``step`` 1.
        step: distance between neighbouring values.
    """

    low: int
    high: int
    log: bool = False
    step: int = 1

    def faults(self, name: str) -> list[str]:
        """All faults, one sentence each."""
        faults = [
            fault(f"space.{name}.{end}", "be a whole number", value)
            for end, value in (("low", self.low), ("high", self.high), ("step", self.step))
            if not isinstance(value, int) or isinstance(value, bool)
        ]
        faults = faults or [
            fault(f"space.{name}.{end}", f"lie within {-_EXACT} and {_EXACT}", value)
            for end, value in (("low", self.low), ("high", self.high))
            if abs(value) > _EXACT
        ]
        if faults:
            return faults
        faults = _range_faults(name, self.low, self.high, log=self.log)
        if self.step < 1 or (self.log and self.step != 1):
            faults.append(fault(f"space.{name}.step", "be 1 or more, and 1 if log", self.step))
        elif not faults and (self.high - self.low) % self.step:
            rule = f"divide {self.high} - {self.low}"
            faults.append(fault(f"space.{name}.step", rule, self.step))
        return faults

    def contains(self, value: object) -> bool:
        """Whether ``value`` is an integer in range and on a step."""
        return (
            isinstance(value, int)
            and not isinstance(value, bool)
            and self.low <= value <= self.high
            and (value - self.low) % self.step == 0
        )

    def decode(self, place: float) -> int:
        """The nearest value in range."""
        number = 2.0**place if self.log else place
        steps = round((min(max(number, self.low), self.high) - self.low) / self.step)
        return self.low + steps * self.step

    def grid(self) -> tuple[int, ...] | None:
        """All values, or None if there are more than ten thousand."""
        values = range(self.low, self.high + 1, self.step)
        return tuple(values) if len(values) <= _GRID_LIMIT else None

    def to_json(self) -> dict[str, Any]:
        """A JSON tree."""
        return {"kind": "int", **asdict(self)}


@dataclass(frozen=True)
class Float(_Range):
    """Real numbers from ``low`` to ``high``, both included.

    Attributes:
        low: smallest value.
        high: largest value.
        log: whether to sample uniformly in the logarithm.
    """

    low: float
    high: float
    log: bool = False

    def faults(self, name: str) -> list[str]:
        """All faults, one sentence each."""
        faults = _range_faults(name, self.low, self.high, log=self.log)
        if not faults and not math.isfinite(float(self.high) - float(self.low)):
            rule = "span less than the largest float"
            faults.append(fault(f"space.{name}", rule, (self.low, self.high)))
        return faults

    def contains(self, value: object) -> bool:
        """Whether ``value`` is a finite number in range."""
        return is_number(value) and self.low <= value <= self.high  # type: ignore[operator]

    def decode(self, place: float) -> float:
        """The number at a coordinate, clipped to the range."""
        number = 2.0**place if self.log else place
        return float(min(max(number, self.low), self.high))

    def grid(self) -> tuple[float, ...] | None:
        """None, since real values cannot be listed, unless the range is a single value."""
        return (float(self.low),) if self.low == self.high else None

    def to_json(self) -> dict[str, Any]:
        """A JSON tree."""
        return {"kind": "float", **asdict(self)}
