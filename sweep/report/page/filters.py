"""From a node to HTML: nothing that a report measured reaches the page on another way.

Every number stands in ``<data value="EXACT" data-at="POINTER">``, every sentence or name of the
tree in an element with its ``data-at``, every key of a mapping in one with its ``data-key``: where
in report.json it is, for people's tools and for the test that compares the two.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from markupsafe import Markup

from sweep.report.page import formats
from sweep.report.page.node import Node, kind, plain, pointer
from sweep.report.page.words import COLUMNS, key_label

NONE = Markup('<span class="none">–</span>')  # noqa: RUF001 - the sign of an empty cell
"""What stands for null."""

NUMBER = Markup('<data value="{}" data-at="{}">{}</data>')
TIME = Markup('<time datetime="{}" data-at="{}">{}</time>')
TEXT = Markup('<span data-at="{}">{}</span>')
CODE = Markup('<code data-at="{}">{}</code>')
KEY = Markup('<span data-key="{}">{}</span>')


def text(node: Node) -> Markup:
    """A string of the tree, in full."""
    return _string(TEXT, node)


def code(node: Node) -> Markup:
    """A string that people would type."""
    return _string(CODE, node)


def key(node: Node) -> Markup:
    """The name under which a node stands in its mapping."""
    return KEY.format(pointer(node), _last(node))


def label(node: Node) -> Markup:
    """The same in people's words, where there are some."""
    return KEY.format(pointer(node), key_label(_last(node)))


def when(node: Node) -> Markup:
    """A moment."""
    value = plain(node)
    if value is None:
        return NONE
    return TIME.format(value, pointer(node), formats.moment(value))


def count(node: Node) -> Markup:
    """How many children a list has."""
    html = Markup('<data value="{}" data-count="{}">{}</data>')
    return html.format(len(node), pointer(node), formats.general(len(node)))


def rows(n: int, table: str) -> Markup:
    """How many rows a table of the page has."""
    return Markup('<data value="{}" data-rows="{}">{}</data>').format(n, table, formats.general(n))


def scalar(node: Node) -> Markup:
    """Any single value, however it looks best."""
    value = plain(node)
    if isinstance(value, str):
        return text(node)
    return _number(node, formats.general)


def setting(node: Node) -> Markup:
    """A parameter's or a setting's value."""
    value = plain(node)
    if isinstance(value, str):
        return text(node)
    if isinstance(value, bool):
        return _number(node, formats.general)
    return _number(node, formats.short if isinstance(value, float) else formats.whole)


def num(node: Node) -> Markup:
    """A number as the terminal shows it."""
    return _number(node, formats.general)


def fixed(node: Node, places: int) -> Markup:
    """A number to so many places."""
    return _number(node, lambda value: formats.digits(value, places))


def percent(node: Node) -> Markup:
    """A share as a whole percentage."""
    return _number(node, lambda value: f"{value:.0%}".replace("%", "\xa0%"))


def interval(node: Node, low: str, high: str, places: int | None = None) -> Markup:
    """An interval between two children of a record: ``[low, high]``."""
    ends = (node[name] for name in (low, high))
    shown = [num(end) if places is None else fixed(end, places) for end in ends]
    return Markup('<span class="interval">[{}, {}]</span>').format(*shown)


def named(node: Node, labels: Node) -> Markup:
    """A parameter's value by its label, where it has one."""
    value = plain(node)
    return text(labels[value]) if isinstance(value, str) and value in labels else setting(node)


def cell(node: Node, column: str) -> Markup:
    """A value of the trial table."""
    show = {"gap": formats.signed, "seconds": formats.seconds, "seed": formats.whole}
    if column == "phase":
        return text(node)
    return _number(node, show.get(column, formats.general))


def _number(node: Node, show: Callable[[Any], str]) -> Markup:
    value = plain(node)
    if value is None:
        return NONE
    return NUMBER.format(formats.exact(value), pointer(node), show(value))


def _as(show: Callable[[Any], str]) -> Callable[[Node], Markup]:
    return lambda node: _number(node, show)


def _string(html: Markup, node: Node) -> Markup:
    value = plain(node)
    if value is None:
        return NONE
    return html.format(pointer(node), value)


def _last(node: Node) -> str:
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
    "signed": _as(formats.signed),
    "whole": _as(formats.whole),
    "seconds": _as(formats.seconds),
    "kind": kind,
    "plain": plain,
}
"""By the names that templates use."""
