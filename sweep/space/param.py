"""What every parameter of a search space can do."""

from __future__ import annotations

import math
from typing import Any, Protocol

from sweep.trial import Scalar


class Param(Protocol):
    """One dimension of the search space."""

    def faults(self, name: str) -> list[str]:
        """Every broken rule, in words; empty when the parameter is usable."""
        ...

    def contains(self, value: object) -> bool:
        """Whether the parameter can take this value."""
        ...

    def encode(self, value: Scalar) -> float:
        """The value's place on the parameter's axis (log2 where ``log``; index of a choice)."""
        ...

    def decode(self, place: float) -> Scalar:
        """The value at, or nearest to, a place on the axis; inverse of ``encode``."""
        ...

    def grid(self) -> tuple[Scalar, ...] | None:
        """Every value, or None when there are too many to list."""
        ...

    def to_json(self) -> dict[str, Any]:
        """A JSON tree that ``param_from_json`` reads back."""
        ...


def is_number(value: object) -> bool:
    """Whether ``value`` is a finite number (booleans are not numbers)."""
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:  # a whole number that no float can hold
        return False
