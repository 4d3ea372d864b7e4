"""Rules of the values of records, as data beside each field."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import field, fields
from typing import Any, ClassVar

from sweep.errors import fault
from sweep.study.native import make_native
from sweep.study.parameters import is_number

Holds = Callable[[Any], bool]
"""A predicate: whether a value satisfies a rule."""

MOST_SEED = 2**32 - 1
"""The largest seed that every library accepts."""


def count(low: int, high: float = float("inf")) -> Holds:
    """A whole number of ``low`` to ``high``."""
    return lambda value: (
        isinstance(value, int) and not isinstance(value, bool) and low <= value <= high
    )


def above(low: float) -> Holds:
    """A number above ``low``."""
    return lambda value: is_number(value) and value > low


def between(low: float, high: float) -> Holds:
    """A number from ``low`` to below ``high``."""
    return lambda value: is_number(value) and low <= value < high


def one_of(*allowed: object) -> Holds:
    """One of the values listed, of the same type (1 is not true)."""
    return lambda value: any(value == a and type(value) is type(a) for a in allowed)


def matching(pattern: str) -> Holds:
    """A string that a regular expression matches in full."""
    return lambda value: isinstance(value, str) and re.fullmatch(pattern, value) is not None


def or_else(word: str | None, holds: Holds) -> Holds:
    """``word`` itself, or a value that satisfies ``holds``."""
    return lambda value: value == word or holds(value)


def ruled(default: Any, rule: str, holds: Holds, **more: Any) -> Any:
    """A dataclass field that carries its rule.

    Args:
        default: default value.
        rule: text of the rule for error messages, without the leading ``must``.
        holds: whether a value satisfies the rule.
        more: further metadata of the field.
    """
    return field(default=default, metadata={"rule": rule, "holds": holds, **more})


def counted(default: int, low: int, high: int = MOST_SEED) -> Any:
    """A dataclass field of a whole number of ``low`` to ``high``."""
    return ruled(default, f"be a whole number of {low} to {high}", count(low, high))


def chosen(default: str, *allowed: str) -> Any:
    """A dataclass field with one of several words."""
    return ruled(default, f"be one of {', '.join(allowed)}", allowed.__contains__)


def field_faults(record: Any, where: str) -> Iterator[str]:
    """A fault for each field of a dataclass whose value breaks its rule, in their order."""
    for each in fields(record):
        value = getattr(record, each.name)
        if "holds" in each.metadata and not each.metadata["holds"](value):
            name = f"{where}.{each.name}" if where else each.name
            yield fault(name, each.metadata["rule"], value)


class Ruled:
    """A part of a study spec: a dataclass whose fields carry their rules."""

    part: ClassVar[str]
    """The spec's name for it."""

    def __post_init__(self) -> None:
        """Convert the fields to plain Python values."""
        make_native(self)

    def faults(self) -> Iterator[str]:
        """All faults, one sentence each."""
        yield from field_faults(self, self.part)
