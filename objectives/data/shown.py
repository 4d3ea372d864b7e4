"""Values as messages show them: short, whatever a file held."""

from __future__ import annotations

import reprlib

from sweep.printed import printable as _printable

_LENGTH = 80
_REASON = 200
_BITS = 128


class _Raw(str):
    """Text that is its own ``repr``."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


def shown(value: object) -> object:
    """A value for the ``got`` of a fault.

    A whole sequence, or lists within lists beyond what ``repr`` can follow, would bury the
    sentence around them.

    Returns:
        The value itself where it is short, else something that prints as its beginning.
    """
    if isinstance(value, str):
        return value if len(value) <= _LENGTH else value[:_LENGTH] + "..."
    if value is None or isinstance(value, float):
        return value
    if isinstance(value, int) and value.bit_length() <= _BITS:
        return value
    short = reprlib.Repr()
    short.maxlong = short.maxother = short.maxstring = _LENGTH
    try:
        return _Raw(short.repr(value))
    except (ValueError, RecursionError):  # integers beyond what Python prints
        return _Raw(f"a {type(value).__name__}")


def reason(error: Exception) -> str:
    """What a library says about a failure, on one line of bearable length."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= _REASON else text[:_REASON] + "..."


def printable(text: str) -> str:
    """A file name such that it can be printed, whatever bytes it holds; see ``sweep.printed``."""
    return _printable(text)
