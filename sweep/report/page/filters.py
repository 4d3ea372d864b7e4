"""From a node to HTML: nothing that a report measured reaches the page on another way.

Every number stands in ``<data value="EXACT" data-at="POINTER">``, every sentence or name of the
tree in an element with its ``data-at``, every key of a mapping in one with its ``data-key``: where
in report.json it is, for people's tools and for the test that compares the two.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from markupsafe import Markup

from sweep.report.page.labels import COLUMNS, key_label
from sweep.report.page.pointer import JsonPointerNode, kind, plain, pointer
from sweep.terminal.console import duration
from sweep.terminal.formatting import number
from sweep.terminal.lora_config import lora_config_lines

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


NONE = Markup('<span class="none">–</span>')  # noqa: RUF001 - the sign of an empty cell
"""What stands for null."""

NUMBER = Markup('<data value="{}" data-at="{}">{}</data>')
TIME = Markup('<time datetime="{}" data-at="{}">{}</time>')
TEXT = Markup('<span data-at="{}">{}</span>')
CODE = Markup('<code data-at="{}">{}</code>')
KEY = Markup('<span data-key="{}">{}</span>')


def text(node: JsonPointerNode) -> Markup:
    """A string of the tree, in full."""
    return _string(TEXT, node)


def code(node: JsonPointerNode) -> Markup:
    """A string that people would type."""
    return _string(CODE, node)


def key(node: JsonPointerNode) -> Markup:
    """The name under which a node stands in its mapping."""
    return KEY.format(pointer(node), _last(node))


def label(node: JsonPointerNode) -> Markup:
    """The same in people's words, where there are some."""
    return KEY.format(pointer(node), key_label(_last(node)))


def when(node: JsonPointerNode) -> Markup:
    """A moment."""
    value = plain(node)
    if value is None:
        return NONE
    return TIME.format(value, pointer(node), moment(value))


def count(node: JsonPointerNode) -> Markup:
    """How many children a list has."""
    html = Markup('<data value="{}" data-count="{}">{}</data>')
    return html.format(len(node), pointer(node), general(len(node)))


def rows(n: int, table: str) -> Markup:
    """How many rows a table of the page has."""
    return Markup('<data value="{}" data-rows="{}">{}</data>').format(n, table, general(n))


def scalar(node: JsonPointerNode) -> Markup:
    """Any single value, however it looks best."""
    value = plain(node)
    if isinstance(value, str):
        return text(node)
    return _number(node, general)


def setting(node: JsonPointerNode) -> Markup:
    """A parameter's or a setting's value."""
    value = plain(node)
    if isinstance(value, str):
        return text(node)
    if isinstance(value, bool):
        return _number(node, general)
    return _number(node, short if isinstance(value, float) else whole)


def num(node: JsonPointerNode) -> Markup:
    """A number as the terminal shows it."""
    return _number(node, general)


def fixed(node: JsonPointerNode, places: int) -> Markup:
    """A number to so many places."""
    return _number(node, lambda value: digits(value, places))


def percent(node: JsonPointerNode) -> Markup:
    """A share as a whole percentage."""
    return _number(node, lambda value: f"{value:.0%}".replace("%", "\xa0%"))


def interval(node: JsonPointerNode, low: str, high: str, places: int | None = None) -> Markup:
    """An interval between two children of a record: ``[low, high]``."""
    ends = (node[name] for name in (low, high))
    shown = [num(end) if places is None else fixed(end, places) for end in ends]
    return Markup('<span class="interval">[{}, {}]</span>').format(*shown)


def named(node: JsonPointerNode, labels: JsonPointerNode) -> Markup:
    """A parameter's value by its label, where it has one."""
    value = plain(node)
    return text(labels[value]) if isinstance(value, str) and value in labels else setting(node)


def cell(node: JsonPointerNode, column: str) -> Markup:
    """A value of the trial table."""
    show = {"gap": signed, "seconds": seconds, "seed": whole}
    if column == "phase":
        return text(node)
    return _number(node, show.get(column, general))


def _number(node: JsonPointerNode, show: Callable[[Any], str]) -> Markup:
    value = plain(node)
    if value is None:
        return NONE
    return NUMBER.format(exact(value), pointer(node), show(value))


def _as(show: Callable[[Any], str]) -> Callable[[JsonPointerNode], Markup]:
    return lambda node: _number(node, show)


def _string(html: Markup, node: JsonPointerNode) -> Markup:
    value = plain(node)
    if value is None:
        return NONE
    return html.format(pointer(node), value)


def _last(node: JsonPointerNode) -> str:
    return pointer(node).rpartition("/")[2].replace("~1", "/").replace("~0", "~")


FILTERS: dict[str, Callable[..., Any]] = {
    "text": text,
    "code": code,
    "key": key,
    "label": label,
    "when": when,
    "count": count,
    "rows": rows,
    "scalar": scalar,
    "setting": setting,
    "fixed": fixed,
    "percent": percent,
    "cell": cell,
    "column_title": lambda column: COLUMNS[column],
    "num": num,
    "signed": _as(signed),
    "whole": _as(whole),
    "seconds": _as(seconds),
    "kind": kind,
    "plain": plain,
}
"""By the names that templates use."""


def lora_code(node: JsonPointerNode) -> Markup:
    """The call with the import it needs, and the place of its arguments."""
    code = "\n".join(["from peft import LoraConfig", "", *lora_config_lines(plain(node))])
    return Markup('<code data-lora="{}">{}</code>').format(pointer(node), code)
