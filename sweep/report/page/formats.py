"""How single values look on the page; each the rounding of an exact value that stands beside it."""

from __future__ import annotations

import math
from datetime import UTC, datetime

from sweep.console import duration
from sweep.summary.cells import number

MINUS = "−"  # noqa: RUF001 - as wide as a plus, where a hyphen is not


def general(value: object) -> str:
    """A value as the terminal shows it, with a real minus.

    Example:
        >>> general(0.24351), general(30720), general(1.5e-5), general(True)
        ('0.2435', '30,720', '1.5e-5', 'yes')
    """
    text = number(value)
    if isinstance(value, float):
        text = text.replace("e-0", "e-").replace("e+0", "e+")
    return text.replace("-", MINUS, 1) if text.startswith("-") else text


def digits(value: float, places: int) -> str:
    """A number to so many places."""
    return f"{value:,.{places}f}".replace("-", MINUS)


def signed(value: float) -> str:
    """A difference, with its sign."""
    return f"{value:+.4f}".replace("-", MINUS)


def whole(value: float) -> str:
    """A name that is a number: a trial, a seed; no thousands set apart."""
    return f"{value:.0f}".replace("-", MINUS)


def short(value: float) -> str:
    """A setting: as few digits as it was written with, four at most.

    Example:
        >>> short(0.01), short(2.0), short(1e-4), short(0.00012345)
        ('0.01', '2', '1e-4', '1.235e-4')
    """
    text = f"{value:.4g}" if abs(value) >= 1e-3 or value == 0 else _scientific(value)
    return text.replace("-", MINUS, 1) if value < 0 else text


def seconds(value: float) -> str:
    """A duration: ``12 s``, ``3 min 20 s``."""
    return duration(value)


def moment(text: str) -> str:
    """An ISO time for people, in UTC: ``25 Nov 2026, 11:20 UTC``."""
    when = datetime.fromisoformat(text)
    when = when.replace(tzinfo=UTC) if when.tzinfo is None else when.astimezone(UTC)
    return f"{when.day} {when:%b %Y, %H:%M} UTC"


def exact(value: float) -> str:
    """A number so that reading it back gives the same, as JSON writes it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"a report's numbers must be finite, got {value!r}.")
    return repr(value)


def _scientific(value: float) -> str:
    mantissa, exponent = f"{value:.3e}".split("e")
    return f"{mantissa.rstrip('0').rstrip('.')}e{int(exponent)}"
