"""Read frozen dataclasses from JSON by their annotations; anything else is refused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from types import NoneType, UnionType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from sweep.errors import SpecError, fault
from sweep.files.strict_json import word

T = TypeVar("T")


def read_record(kind: type[T], tree: object, where: str) -> T:
    """A record from what ``dataclasses.asdict`` and JSON made of it.

    Fields may be text, numbers, booleans, None, tuples, mappings with text keys, records, and
    unions of these. Unknown fields are left out, since a later version may have written them.

    Args:
        kind: the dataclass.
        tree: the JSON tree.
        where: what it is, for the message.

    Raises:
        SpecError: naming the first value that is not of its field's type.
    """
    try:
        made: T = _read(kind, tree, where)
    except _UnlikeError as error:
        raise SpecError(error.args[0]) from error
    return made


class _UnlikeError(Exception):
    """A value is not of its annotated type."""


def _read(kind: Any, value: Any, where: str) -> Any:
    if is_dataclass(kind):
        return _read_dataclass(kind, value, where)
    origin, args = get_origin(kind), get_args(kind)
    if origin is UnionType:
        return _read_union(args, value, where)
    if origin is tuple and isinstance(value, (list, tuple)):
        kinds = [args[0]] * len(value) if args[1:] == (...,) else list(args)
        if len(kinds) == len(value):
            pairs = zip(kinds, value, strict=True)
            return tuple(_read(k, each, f"{where}[{i}]") for i, (k, each) in enumerate(pairs))
    if origin is not None and issubclass(origin, Mapping) and isinstance(value, Mapping):
        texts = {_read(str, name, where): each for name, each in value.items()}
        return {name: _read(args[1], each, f"{where}.{name}") for name, each in texts.items()}
    if kind is float and type(value) in (int, float) and not word(value):
        return value
    if origin is None and kind is not float and type(value) is kind:
        return value
    called = getattr(kind, "__name__", str(kind))
    raise _UnlikeError(fault(where, f"be of type {called}", value))


def _read_union(kinds: tuple[Any, ...], value: Any, where: str) -> Any:
    if value is None and NoneType in kinds:
        return None
    *others, last = (kind for kind in kinds if kind is not NoneType)
    for kind in others:
        try:
            return _read(kind, value, where)
        except _UnlikeError:
            continue
    return _read(last, value, where)


def _read_dataclass(kind: Any, value: Any, where: str) -> Any:
    if not isinstance(value, Mapping):
        raise _UnlikeError(fault(where, f"be the fields of a {kind.__name__}", value))
    hints = get_type_hints(kind)
    given = {}
    for field in fields(kind):
        if field.name in value:
            given[field.name] = _read(hints[field.name], value[field.name], f"{where}.{field.name}")
        elif field.default is MISSING:
            raise _UnlikeError(fault(where, f"have a {field.name}", dict(value)))
    return kind(**given)
