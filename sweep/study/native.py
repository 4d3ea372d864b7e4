"""Values as plain Python: what JSON, pickle and a database give back exactly as it was.

``numpy.float64`` is a ``float`` to ``isinstance`` and is read back from JSON as another type with
another ``repr``, and so as another configuration. Everything that a person or an objective hands
over is made plain here, once, where it comes in.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any


def native(value: Any) -> Any:
    """One value as a plain ``str``, ``int``, ``float`` or ``bool``, if it is one of those.

    NumPy's scalars, arrays and tensors without a dimension, and members of ``StrEnum`` and
    ``IntEnum`` become what they hold. Anything else comes back as it is, for a rule to refuse.

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
    """A tree of mappings, lists and tuples with every name and value plain.

    Mappings become ``dict``; lists and tuples stay what they are. A tree that holds itself comes
    back as it is.
    """
    try:
        return _tree(tree)
    except RecursionError:
        return tree


def make_native(record: Any) -> None:
    """Make every field of a frozen dataclass plain; for its ``__post_init__``."""
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
    """Whether it is NumPy's scalar, or an array or tensor that holds one value, not masked."""
    if isinstance(value, type) or getattr(value, "shape", None) != ():
        return False
    return callable(getattr(value, "item", None)) and not getattr(value, "mask", False)
