"""Jinja filters that render nodes of the report tree to HTML; all values are shown through them.

Every number is in ``<data value="EXACT" data-at="POINTER">``, every string of the tree in an
element with ``data-at``, every key of a mapping in one with ``data-key``: the JSON pointer of the
value in report.json, for tools and for the test that compares the page with it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from jinja2 import pass_context
from jinja2.runtime import Context
from markupsafe import Markup

from sweep.report.page.pointer import JsonPointerNode, kind, plain, pointer
from sweep.study.measures import Table
from sweep.terminal.console import duration
from sweep.terminal.formatting import number
from sweep.terminal.lora_config import lora_config_lines

COLUMNS: Mapping[str, str] = {
    "train_value": "on train",
    "gap": "gap to train",
    "phase": "phase",
    "replicate": "replicate",
    "seed": "seed",
    "size": "parameters",
    "seconds": "time",
}
"""Titles of the optional columns of the trial table."""

MEASURED = ("best", "final_test")
"""Parts of the tree whose keys are names of metrics."""

CHOSEN = ("params", "shown")
"""Parts of these whose keys are names of parameters."""

MINUS = "−"  # noqa: RUF001 - as wide as a plus, where a hyphen is not

NONE = Markup('<span class="none">–</span>')  # noqa: RUF001 - the sign of an empty cell
"""HTML shown for null."""

NUMBER = Markup('<data value="{}" data-at="{}">{}</data>')
TIME = Markup('<time datetime="{}" data-at="{}">{}</time>')
TEXT = Markup('<span data-at="{}">{}</span>')
CODE = Markup('<code data-at="{}">{}</code>')
KEY = Markup('<span data-key="{}">{}</span>')


def is_metric(pointer: str) -> bool:
    """Whether the last key of a JSON pointer may name a metric.

    Example:
        >>> is_metric("/best/metrics/loss"), is_metric("/best/params/loss")
        (True, False)
    """
    parts = pointer.split("/")[1:]
    return len(parts) > 2 and parts[0] in MEASURED and parts[1] not in CHOSEN


def general(value: object) -> str:
    """A value formatted as in the terminal, with a typographic minus.

    Example:
        >>> general(0.24351), general(30720), general(1.5e-5), general(True)
        ('0.2435', '30,720', '1.5e-5', 'yes')
    """
    text = number(value)
    if isinstance(value, float):
        text = text.replace("e-0", "e-").replace("e+0", "e+")
    return text.replace("-", MINUS, 1) if text.startswith("-") else text


def digits(value: float, places: int) -> str:
    """A number with a fixed number of decimal places."""
    return f"{value:,.{places}f}".replace("-", MINUS)


def signed(value: float) -> str:
    """A difference with its sign, to four decimal places."""
    return f"{value:+.4f}".replace("-", MINUS)


def whole(value: float) -> str:
    """A number used as an identifier (trial, seed), without thousands separators."""
    return f"{value:.0f}".replace("-", MINUS)


def short(value: float) -> str:
    """A setting, with at most four significant digits.

    Example:
        >>> short(0.01), short(2.0), short(1e-4), short(0.00012345)
        ('0.01', '2', '1e-4', '1.235e-4')
    """
    text = f"{value:.4g}" if abs(value) >= 1e-3 or value == 0 else _scientific(value)
    return text.replace("-", MINUS, 1) if value < 0 else text


def moment(text: str) -> str:
    """An ISO time in readable form, in UTC: ``25 Nov 2026, 11:20 UTC``."""
    when = datetime.fromisoformat(text)
    when = when.replace(tzinfo=UTC) if when.tzinfo is None else when.astimezone(UTC)
    return f"{when.day} {when:%b %Y, %H:%M} UTC"


def exact(value: float) -> str:
    """A number in JSON notation that round-trips exactly."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"a report's numbers must be finite, got {value!r}.")
    return repr(value)


def _scientific(value: float) -> str:
    mantissa, exponent = f"{value:.3e}".split("e")
    return f"{mantissa.rstrip('0').rstrip('.')}e{int(exponent)}"


def text(node: JsonPointerNode) -> Markup:
    """A string of the tree as text."""
    return _string(TEXT, node)


def code(node: JsonPointerNode) -> Markup:
    """A string of the tree as code."""
    return _string(CODE, node)


def key(node: JsonPointerNode) -> Markup:
    """The node's key in its mapping."""
    return KEY.format(pointer(node), _last(node))


@pass_context
def label(context: Context, node: JsonPointerNode) -> Markup:
    """The node's key as a readable label: a metric by its title."""
    name = _last(node)
    if not is_metric(pointer(node)):
        return KEY.format(pointer(node), name.replace("_", " "))
    return KEY.format(pointer(node), context["measures"].title(name))


def key_as(node: JsonPointerNode, title: str) -> Markup:
    """The node's key, shown by a title."""
    return KEY.format(pointer(node), title)


def row_titles(table: Table) -> dict[str, str]:
    """Row name to title; empty for a table whose rows are stored."""
    return {row.name: row.title for row in table.rows}


@pass_context
def unit(context: Context, node: JsonPointerNode) -> Markup:
    """The unit of a metric, after its value; empty without one."""
    name = context["measures"].unit(_last(node)) if is_metric(pointer(node)) else ""
    return Markup(' <span class="unit">{}</span>').format(name) if name else Markup()


def when(node: JsonPointerNode) -> Markup:
    """An ISO time as a ``<time>`` element."""
    value = plain(node)
    if value is None:
        return NONE
    return TIME.format(value, pointer(node), moment(value))


def count(node: JsonPointerNode) -> Markup:
    """Number of children of a list."""
    html = Markup('<data value="{}" data-count="{}">{}</data>')
    return html.format(len(node), pointer(node), general(len(node)))


def rows(n: int, table: str) -> Markup:
    """Number of rows of a table on the page."""
    return Markup('<data value="{}" data-rows="{}">{}</data>').format(n, table, general(n))


def scalar(node: JsonPointerNode) -> Markup:
    """Any scalar value."""
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


def fixed(node: JsonPointerNode, places: int) -> Markup:
    """A number with a fixed number of decimal places."""
    return _number(node, lambda value: digits(value, places))


def percent(node: JsonPointerNode) -> Markup:
    """A share as a whole percentage."""
    return _number(node, lambda value: f"{value:.0%}".replace("%", "\xa0%"))


def interval(node: JsonPointerNode, low: str, high: str, places: int | None = None) -> Markup:
    """An interval from two children of a record: ``[low, high]``."""
    ends = (node[name] for name in (low, high))
    shown = [_number(end, general) if places is None else fixed(end, places) for end in ends]
    return Markup('<span class="interval">[{}, {}]</span>').format(*shown)


def named(node: JsonPointerNode, labels: JsonPointerNode) -> Markup:
    """A parameter's value, shown by its label if it has one."""
    value = plain(node)
    return text(labels[value]) if isinstance(value, str) and value in labels else setting(node)


def cell(node: JsonPointerNode, column: str) -> Markup:
    """A cell of the trial table."""
    show = {"gap": signed, "seconds": duration, "seed": whole}
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


def lora_code(node: JsonPointerNode) -> Markup:
    """Python code that creates the ``LoraConfig``, with its import and JSON pointer."""
    code = "\n".join(["from peft import LoraConfig", "", *lora_config_lines(plain(node))])
    return Markup('<code data-lora="{}">{}</code>').format(pointer(node), code)


FILTERS: dict[str, Callable[..., Any]] = {
    **{
        each.__name__: each
        for each in (
            *(text, code, key, label, key_as, row_titles, unit, when, count, rows, scalar, setting),
            *(fixed, percent, interval, named, cell, lora_code, kind, plain),
        )
    },
    "column_title": lambda column: COLUMNS[column],
    "num": _as(general),
    "signed": _as(signed),
    "whole": _as(whole),
}
"""Filters by their names in templates."""
