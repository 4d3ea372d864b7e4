"""Plain Python values, which JSON, pickle and databases return unchanged.

A ``numpy.float64`` is a ``float``, but has another ``repr`` and so makes another configuration.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any


def native(value: Any) -> Any:
    """A value as a plain ``str``, ``int``, ``float`` or ``bool``, if it is one.

    NumPy scalars, arrays and tensors of dimension 0, and members of ``StrEnum`` and ``IntEnum`` are
    converted. Anything else is returned unchanged, for a later check to refuse.

    Example:
        >>> import numpy as np
        >>> [native(value) for value in (np.float64(0.5), np.bool_(True), np.str_("a"))]
        [0.5, True, 'a']
    """
    if type(value) in (str, int, float, bool, type(None)):
        return value
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, int):
        return int.__int__(value)
    if isinstance(value, float):
        return float.__float__(value)
    if _is_single(value):
        held = value.item()
        return held if type(held) is type(value) else native(held)
    return value


def native_tree(tree: Any) -> Any:
    """A tree of mappings, lists and tuples with all keys and values plain.

    Mappings become ``dict``; lists and tuples keep their type. A tree that contains itself is
    returned unchanged.
    """
    try:
        return _tree(tree)
    except RecursionError:
        return tree


def make_native(record: Any) -> None:
    """Convert every field of a frozen dataclass to plain values; for its ``__post_init__``."""
    for field in fields(record):
        object.__setattr__(record, field.name, native_tree(getattr(record, field.name)))


def _tree(tree: Any) -> Any:
    if isinstance(tree, Mapping):
        return {native(name): _tree(branch) for name, branch in tree.items()}
    if isinstance(tree, list):
        return [_tree(branch) for branch in tree]
    if type(tree) is tuple:
        return tuple(_tree(branch) for branch in tree)
    return native(tree)


def _is_single(value: Any) -> bool:
    """Whether a value is a NumPy scalar, or an unmasked array or tensor of dimension 0."""
    if isinstance(value, type) or getattr(value, "shape", None) != ():
        return False
    return callable(getattr(value, "item", None)) and not getattr(value, "mask", False)
