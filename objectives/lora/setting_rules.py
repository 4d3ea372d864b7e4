"""Fields of settings, which carry their rule and whether a study may sample them."""

from __future__ import annotations

from typing import Any

from sweep.errors import TargetError
from sweep.study.rules import Holds, ruled
from sweep.study.targets import canonical


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
    return ruled(default, rule, holds, sampled=False)


def sampled(default: Any, rule: str, holds: Holds) -> Any:
    """A dataclass field that a study may sample per trial; arguments as for ``fixed``."""
    return ruled(default, rule, holds, sampled=True)
