"""Standard JSON, without NaN and infinity; values left out are listed."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

NOT_FINITE = "not_finite"
"""The key of a document's replaced values: path to ``nan``, ``inf`` or ``-inf``."""


def strict(tree: Any) -> tuple[Any, dict[str, str]]:
    """A tree that standard JSON can hold, and the numbers replaced by None.

    Numbers that are NaN, infinite, or integers too large for a float become None, since JSON
    readers other than Python's may refuse them.

    Returns:
        The tree, with lists for tuples and strings for keys; and path to replaced number, as text.

    Example:
        >>> strict({"loss": [0.5, float("nan")]})
        ({'loss': [0.5, None]}, {'loss[1]': 'nan'})
    """
    found: dict[str, str] = {}
    return _strict(tree, "", found), found


def strict_document(tree: Mapping[str, Any]) -> dict[str, Any]:
    """A document that standard JSON can hold, and that lists the numbers replaced by null."""
    document, found = strict(tree)
    before: Mapping[str, str] = tree.get(NOT_FINITE, {})
    return {**document, NOT_FINITE: {**before, **found}} if found else dict(document)


def said(found: Mapping[str, str], most: int = 5) -> str:
    """Numbers that are not finite, as short text: ``loss[1] is nan, value is inf``."""
    shown = [f"{place} is {word}" for place, word in list(found.items())[:most]]
    more = len(found) - most
    return ", ".join(shown + ([f"and {more} more"] if more > 0 else []))


def word(number: float) -> str:
    """The name of a number that is not a finite float; empty for one that is."""
    try:
        return "" if math.isfinite(number) else repr(float(number))
    except OverflowError:
        return "a whole number beyond every float"


def _strict(tree: Any, place: str, found: dict[str, str]) -> Any:
    if tree is None or isinstance(tree, (str, bool)):  # most values
        return tree
    if isinstance(tree, (int, float)):
        called = word(tree)
        if called:
            found[place] = called
        return None if called else tree
    if isinstance(tree, Mapping):
        at = f"{place}." if place else ""
        items: Iterable[tuple[Any, Any]] = tree.items()
        return {str(name): _strict(branch, f"{at}{name}", found) for name, branch in items}
    if isinstance(tree, (list, tuple)):
        return [_strict(branch, f"{place}[{i}]", found) for i, branch in enumerate(tree)]
    return tree
