"""Escape text from files and databases, so that a terminal shows it and runs no control codes."""

from __future__ import annotations


def printable(text: object, keep: str = "") -> str:
    """A text with every character that is not printable escaped as in Python.

    Terminals act on control characters, reorder lines at others, and cannot show half of a
    surrogate pair. Names of studies, files and records need none of them.

    Args:
        text: what to show.
        keep: characters to leave unchanged, such as line ends.

    Example:
        >>> printable("a" + chr(27) + "[31m") == "a" + chr(92) + "x1b[31m"
        True
    """
    said = str(text)
    if said.isprintable():
        return said
    escaped = (c.encode("unicode_escape").decode("ascii") for c in said)
    pairs = zip(said, escaped, strict=True)
    return "".join(c if c.isprintable() or c in keep else shown for c, shown in pairs)
