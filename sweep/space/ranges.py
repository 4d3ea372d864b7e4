"""Parameters that are numbers in a range."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from sweep.errors import fault
from sweep.native import make_native
from sweep.space.param import is_number
from sweep.trial import Scalar

_GRID_LIMIT = 10_000

_EXACT = 2**53
"""Databases keep numbers as floats, which hold whole numbers up to here one by one."""


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
        faults.append(
            fault(f"space.{name}.low", "be above 0 on a log axis", low, way_out="Raise low")
        )
    return faults


@dataclass(frozen=True)
class Int:
    """Whole numbers from ``low`` to ``high``, both included.

    Attributes:
        low: smallest value.
        high: largest value.
        log: sample evenly in the logarithm; excludes ``step``.
        step: distance of neighbours.
    """

    low: int
    high: int
    log: bool = False
    step: int = 1

    def __post_init__(self) -> None:
        """Keep plain numbers."""
        make_native(self)

    def faults(self, name: str) -> list[str]:
        """Every broken rule, in words."""
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
            faults.append(
                fault(f"space.{name}.step", f"divide {self.high} - {self.low}", self.step)
            )
        return faults

    def contains(self, value: object) -> bool:
        """Whether ``value`` is a whole number in range and on a step."""
        return (
            isinstance(value, int)
            and not isinstance(value, bool)
            and self.low <= value <= self.high
            and (value - self.low) % self.step == 0
        )

    def encode(self, value: Scalar) -> float:
        """The number, or its log2."""
        return math.log2(float(value)) if self.log else float(value)

    def decode(self, place: float) -> int:
        """The nearest value in range."""
        number = 2.0**place if self.log else place
        steps = round((min(max(number, self.low), self.high) - self.low) / self.step)
        return self.low + steps * self.step

    def grid(self) -> tuple[int, ...] | None:
        """All values, up to ten thousand of them."""
        values = range(self.low, self.high + 1, self.step)
        return tuple(values) if len(values) <= _GRID_LIMIT else None

    def to_json(self) -> dict[str, Any]:
        """A JSON tree."""
        kind = {"kind": "int", "low": self.low, "high": self.high}
        return {**kind, "log": self.log, "step": self.step}


@dataclass(frozen=True)
class Float:
    """Real numbers from ``low`` to ``high``.

    Attributes:
        low: smallest value.
        high: largest value.
        log: sample evenly in the logarithm.
    """

    low: float
    high: float
    log: bool = False

    def __post_init__(self) -> None:
        """Keep plain numbers."""
        make_native(self)

    def faults(self, name: str) -> list[str]:
        """Every broken rule, in words."""
        faults = _range_faults(name, self.low, self.high, log=self.log)
        if not faults and not math.isfinite(float(self.high) - float(self.low)):
            rule = "span less than the largest float"
            faults.append(fault(f"space.{name}", rule, (self.low, self.high)))
        return faults

    def contains(self, value: object) -> bool:
        """Whether ``value`` is a finite number in range."""
        return is_number(value) and self.low <= value <= self.high  # type: ignore[operator]

    def encode(self, value: Scalar) -> float:
        """The number, or its log2."""
        return math.log2(float(value)) if self.log else float(value)

    def decode(self, place: float) -> float:
        """The number at the place, kept in range."""
        number = 2.0**place if self.log else place
        return float(min(max(number, self.low), self.high))

    def grid(self) -> tuple[float, ...] | None:
        """A range of reals cannot be listed, unless it has one point."""
        return (float(self.low),) if self.low == self.high else None

    def to_json(self) -> dict[str, Any]:
        """A JSON tree."""
        return {"kind": "float", "low": self.low, "high": self.high, "log": self.log}
