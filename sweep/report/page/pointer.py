"""Values of a JSON tree with their JSON pointers, which the page shows in attributes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

_SINGLE = ("scalar", "null")


class JsonPointerNode:
    """A value of a JSON tree with its JSON pointer (RFC 6901).

    It has no public methods, only children (``node["key"]``, in Jinja also ``node.key``), so that
    no key can collide with a method. Children of null are null. A key missing from a mapping is
    an error of the template and raises.

    Args:
        value: the plain value.
        at: its JSON pointer; empty for the whole tree.
    """

    __slots__ = ("_at", "_value")

    def __init__(self, value: Any, at: str = "") -> None:
        self._value = value
        self._at = at

    def __getitem__(self, key: str | int | slice) -> Any:
        """The child, or ``KeyError`` if a mapping has no such key; for a slice, a list of them."""
        if isinstance(key, slice):
            return list(self)[key]
        if self._value is None:
            return JsonPointerNode(None, f"{self._at}/{key}")
        try:
            return JsonPointerNode(self._value[key], f"{self._at}/{_token(key)}")
        except KeyError as error:
            raise KeyError(f"{self._at}/{key}") from error

    def __iter__(self) -> Iterator[JsonPointerNode]:
        """Children of a list, or values of a mapping, in order; empty for null."""
        keys: Sequence[Any] = ()
        if isinstance(self._value, Mapping):
            keys = list(self._value)
        elif self._value is not None:
            keys = range(len(self._value))
        return (self[key] for key in keys)

    def __len__(self) -> int:
        """Number of children; 0 for null."""
        return 0 if self._value is None else len(self._value)

    def __bool__(self) -> bool:
        """False for null, false and empty values; True otherwise, including for 0."""
        value = self._value
        return value is not False and value is not None and value not in ("", [], {})

    def __contains__(self, key: object) -> bool:
        """Whether a mapping has the key, or a list the value."""
        return self._value is not None and key in self._value

    def __eq__(self, other: object) -> bool:
        """Compare the plain values."""
        return bool(self._value == plain(other))

    def __hash__(self) -> int:
        """Hash of a scalar value."""
        return hash(self._value)


def plain(node: object) -> Any:
    """The plain value of a node; any other object is returned unchanged."""
    return node._value if isinstance(node, JsonPointerNode) else node  # noqa: SLF001 - the other half


def pointer(node: JsonPointerNode) -> str:
    """The JSON pointer of a node."""
    return node._at  # noqa: SLF001 - the other half


def maybe(node: JsonPointerNode, key: str) -> JsonPointerNode:
    """A child of a mapping, or null if the key is missing."""
    value = plain(node)
    known = isinstance(value, Mapping) and key in value
    return node[key] if known else JsonPointerNode(None, f"{pointer(node)}/{_token(key)}")


def entries(node: JsonPointerNode) -> list[tuple[str, JsonPointerNode]]:
    """Keys and children of a mapping, in order; empty for null."""
    return [(str(key), node[key]) for key in plain(node) or ()]


def kind(node: JsonPointerNode) -> str:
    """Type of a node: ``null``, ``mapping``, ``list`` or ``scalar``."""
    value = plain(node)
    if value is None:
        return "null"
    if isinstance(value, Mapping):
        return "mapping"
    return "list" if isinstance(value, list | tuple) else "scalar"


def tabular(node: JsonPointerNode) -> bool:
    """Whether a mapping's children can be table rows: two or more mappings with the same keys."""
    rows = [child for _, child in entries(node)]
    if len(rows) < 2 or any(kind(row) != "mapping" for row in rows):
        return False
    keys = [list(plain(row)) for row in rows]
    inner = [cell for row in rows for _, each in entries(row) for cell in _cells(each)]
    return all(each == keys[0] for each in keys) and all(kind(c) in _SINGLE for c in inner)


def _cells(node: JsonPointerNode) -> list[JsonPointerNode]:
    """Values of a table cell: the node itself, or the children of a mapping."""
    return [child for _, child in entries(node)] if kind(node) == "mapping" else [node]


def _token(key: object) -> str:
    return str(key).replace("~", "~0").replace("/", "~1")
