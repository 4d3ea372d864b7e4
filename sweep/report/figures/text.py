"""Text and number formatting in figures: escaping, clipping and wrapping for small screens."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from sweep.terminal.formatting import number

LONGEST = 160
"""Largest number of characters of a string in a figure; the page has the full text."""

_ENTITIES = str.maketrans(
    # % starts a placeholder in templates, $ a formula if the page has MathJax.
    {"&": "&amp;", "<": "&lt;", ">": "&gt;", "%": "&#37;", "$": "&#36;"}
)
_CONTROL = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]+"
)
_BREAK = re.compile(r"(?<=[\s+,;|=])")
_WEAK_BREAK = re.compile(r"(?<=[_\-:/])|(?<=[a-zA-Z]\.)")


def safe(text: object) -> str:
    """A string escaped so that plotly shows it literally.

    plotly.js interprets some HTML tags in any text, decodes entities once, and expands
    placeholders.

    Example:
        >>> safe('<a href="x">100 %</a>')
        '&lt;a href="x"&gt;100 &#37;&lt;/a&gt;'
    """
    return clipped(text).translate(_ENTITIES)


def clipped(text: object, most: int = LONGEST) -> str:
    """Text as one line of at most ``most`` characters, without control characters."""
    line = _CONTROL.sub(" ", str(text)).strip()
    return line if len(line) <= most else line[: most - 1] + "…"


def wrapped(text: object, width: int = 14, lines: int = 3) -> str:
    """A label wrapped to a few short lines, escaped, joined by ``<br>``.

    Example:
        >>> wrapped("attention+mlp.down")
        'attention+<br>mlp.down'
    """
    rows = [""]
    for part in _parts(clipped(text), width):
        if len(rows[-1]) + len(part.rstrip()) <= width:
            rows[-1] += part
        else:
            rows.append(part)
    if len(rows) > lines:
        rows = [*rows[: lines - 1], clipped(rows[lines - 1].rstrip()[: width - 1] + "…", width)]
    return "<br>".join(row.strip().translate(_ENTITIES) for row in rows if row.strip())


def _parts(text: str, width: int) -> Iterable[str]:
    """Unbreakable parts of a text: words, with words longer than ``width`` split."""
    for word in _BREAK.split(text):
        if len(word.rstrip()) <= width:
            yield word
            continue
        for part in _WEAK_BREAK.split(word):
            yield from (part[i : i + width] for i in range(0, len(part), width))


def paragraph(text: object) -> str:
    """Text wrapped for a hover label, which plotly does not wrap itself."""
    return wrapped(text, width=42, lines=6)


def sentence(text: str) -> str:
    """The text with a capital first letter."""
    return text[:1].upper() + text[1:]


def slug(text: str) -> str:
    """Text reduced to lower-case letters, digits and hyphens, at most 40 characters.

    Example:
        >>> slug("learning_rate"), slug("<b>")
        ('learning-rate', 'b')
    """
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:40].strip("-")


def interval(value: float | None, low: float | None, high: float | None) -> str:
    """A number with its interval, if it has one."""
    return number(value) if low is None else f"{number(value)} [{number(low)}, {number(high)}]"


def listed(items: Iterable[str], most: int = 12) -> str:
    """The first ``most`` items joined by semicolons, and the number of the rest.

    Example:
        >>> listed(["a", "b", "c"], most=2)
        'a; b; and 1 more'
    """
    found = list(items)
    shown = found[:most]
    if len(found) > most:
        shown.append(f"and {len(found) - most} more")
    return "; ".join(shown)


def rests_on(n: int, configurations: int) -> str:
    """The numbers of trials and configurations: ``162 trials of 150 configurations``."""
    plural = "" if configurations == 1 else "s"
    return f"{trials(n)} of {configurations:,} configuration{plural}"


def percent(level: float) -> str:
    """A confidence level as a percentage, such as ``90 %``."""
    return f"{100 * level:.3g} %"


def trials(n: int) -> str:
    """Text with a number of trials."""
    return f"{n:,} trial" if n == 1 else f"{n:,} trials"


def d3_format(values: Sequence[float]) -> str:
    """d3 format of values: four digits, as in the terminal."""
    plain = all(v == 0 or 0.001 <= abs(v) < 10_000 for v in values)
    return ".4f" if plain else ".4~g"
