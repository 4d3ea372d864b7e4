"""Validation rules for settings, and dataclass fields that carry a rule in their metadata."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import field
from typing import Any

from sweep.errors import TargetError
from sweep.study.parameters import is_number
from sweep.study.targets import canonical

Holds = Callable[[Any], bool]
"""A predicate: whether a value satisfies a rule."""


def count(low: int) -> Holds:
    """An integer of ``low`` or more."""
    return lambda value: isinstance(value, int) and not isinstance(value, bool) and value >= low


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


def target_set(value: object) -> bool:
    """Whether a value is a valid target set, such as ``query+value``."""
    try:
        return isinstance(value, str) and bool(canonical(value))
    except TargetError:
        return False


def fixed(default: Any, rule: str, holds: Holds) -> Any:
    """A dataclass field with one value for the whole study.

    Args:
        default: default value.
        rule: text of the rule for error messages, without the leading ``must``.
        holds: whether a value satisfies the rule.
    """
    return field(default=default, metadata={"rule": rule, "holds": holds, "sampled": False})


def sampled(default: Any, rule: str, holds: Holds) -> Any:
    """A dataclass field that a study may sample per trial; arguments as for ``fixed``."""
    return field(default=default, metadata={"rule": rule, "holds": holds, "sampled": True})
