"""Any text from a study as Markdown that shows it literally."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from sweep.terminal.printable import printable

_RISKY = re.compile(r"([\\`*_\[\]<>&|~#$])")
_LINE_END = "\n"
_BREAKS = re.compile(r"[\s\x00-\x1f\x7f-\x9f\u2028\u2029]+")


def plain(text: object) -> str:
    """A text as one line, without markup."""
    return _RISKY.sub(r"\\\1", _line(text))


def code(text: object, *, cell: bool = False) -> str:
    """A text as inline code; escaped for a table cell if ``cell``."""
    line = _line(text)
    ticks = "`" * (_longest(line) + 1)
    pad = " " if line.startswith("`") or line.endswith("`") else ""
    shown = f"{ticks}{pad}{line}{pad}{ticks}" if line else "(empty)"
    return shown.replace("|", r"\|") if cell else shown


def block(text: str, language: str = "") -> str:
    """Text as a fenced code block."""
    fence = "`" * max(3, _longest(text) + 1)
    return f"{fence}{language}\n{printable(text.rstrip(), keep=_LINE_END)}\n{fence}"


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table; the first column holds text, the others numbers."""
    ruler = ["---", *["---:"] * (len(header) - 1)]
    return "\n".join(f"| {' | '.join(row)} |" for row in (header, ruler, *rows))


def bullets(items: Mapping[str, str]) -> str:
    """A bullet list of names and texts; empty texts are left out."""
    return "\n".join(f"- {name}: {said}" for name, said in items.items() if said)


def folded(title: str, body: str) -> str:
    """A collapsed section."""
    return f"<details>\n<summary>{title}</summary>\n\n{body}\n\n</details>"


def _line(text: object) -> str:
    return printable(_BREAKS.sub(" ", str(text)).strip())


def _longest(text: str) -> int:
    """The longest run of backticks."""
    return max(map(len, re.findall("`+", text)), default=0)
