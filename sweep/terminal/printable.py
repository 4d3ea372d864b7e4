"""Text of strangers on its way to a terminal: names and messages are shown, never obeyed."""

from __future__ import annotations


def printable(text: object, keep: str = "") -> str:
    """A text in which every character that is not printable is written as Python escapes it.

    A terminal obeys control characters, reorders lines by others, and cannot show half a
    character; no name of a study, a file or a protein needs them.

    Args:
        text: what to show.
        keep: characters to leave as they are, such as line ends.

    Example:
        >>> printable("a" + chr(27) + "[31m") == "a" + chr(92) + "x1b[31m"
        True
    """
    said = str(text)
    if said.isprintable():
        return said
    return "".join(c if c.isprintable() or c in keep else _escaped(c) for c in said)


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")
