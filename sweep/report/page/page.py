"""Render a report tree and its figures to one self-contained HTML page.

Why Jinja and not a dashboard library: the page must stay one file that needs no server.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from importlib import resources
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from sweep.report.figures.figure import ReportFigure
from sweep.report.figures.theme import CONFIG
from sweep.report.page import sections
from sweep.report.page.filters import FILTERS
from sweep.report.page.pointer import JsonPointerNode, entries, kind, maybe, plain, pointer, tabular
from sweep.study.measures import Measures

MOST_BASELINES = 2
"""Largest number of baselines shown at the top of the page; a table has all."""

EARLY = ("theme.js",)
"""Scripts that run before the page is displayed."""

LATE = ("figures.js", "tables.js", "contents.js", "print.js", "news.js", "start.js")
"""Scripts that run after the page is loaded, in order."""

STYLES = ("tokens.css", "text.css", "layout.css", "answer.css", "parts.css", "print.css")
"""Style sheets, in order."""

_NEVER = re.compile(r"[\ud800-\udfff\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")


@cache
def environment() -> Environment:
    """Jinja environment with autoescaping and strict undefined names."""
    made = Environment(
        loader=PackageLoader("sweep.report.page"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    own = (
        *(entries, maybe, pointer, tabular, json_script, hundredths),
        *(sections.spoken, sections.told, sections.trials, sections.methods),
        *(sections.importance_rows, sections.above_chance, sections.cautions),
    )
    made.filters |= FILTERS | {each.__name__: each for each in own}
    made.filters |= {
        "first_of": lambda node: next(iter(node)),
        "all_scalars": lambda node: all(kind(child) in ("scalar", "null") for child in node),
    }
    made.globals |= {
        "most_items": sections.MOST_ITEMS,
        "most_failures": sections.MOST_FAILURES,
        "default_height": 440,
        "most_baselines": MOST_BASELINES,
    }
    return made


def hundredths(share: JsonPointerNode) -> Markup:
    """A share in [0, 1] as a coordinate in [0, 100]."""
    return Markup(f"{100 * plain(share):.1f}")  # noqa: S704 - a number


def page(
    tree: Mapping[str, Any],
    drawn: Sequence[ReportFigure],
    *,
    plotly_js: str | None,
    live: bool = False,
) -> str:
    """The HTML page of a report.

    Args:
        tree: result of ``sweep.report.tree.build.report_tree``.
        drawn: the figures, in order, with unique keys.
        plotly_js: source of plotly.js to inline; if None, a live page loads ``plotly.min.js``
            from its server, and any other page shows the figures' summaries as text.
        live: whether the page polls its server for updates: ``state``, a JSON object with
            ``version`` (any string) and ``running``, and ``fragment``, the result of
            ``fragment``, both relative to the page.

    Returns:
        HTML5 as text, to be written as UTF-8.

    Raises:
        ValueError: if a number to be shown or drawn is NaN or infinite.
        jinja2.UndefinedError: if the tree lacks a required value.
    """
    early, late = (_script(names) for names in (EARLY, LATE))
    library = None if plotly_js is None else inline_script(plotly_js)
    scripts = [early, late] if library is None else [early, library, late]
    context = _context(tree, drawn) | {
        "drawable": live or library is not None,
        "live": live,
        "policy": policy(scripts, live=live),
        "css": inline_script(_assets(STYLES)),
        "early_js": early,
        "plotly_js": library,
        "page_js": late,
    }
    return _written(environment().get_template("page.html.j2").render(context))


def fragment(tree: Mapping[str, Any], drawn: Sequence[ReportFigure]) -> str:
    """The content of ``page``'s ``<main>`` element, by which a live page replaces its own.

    Raises:
        ValueError: if a number to be shown or drawn is NaN or infinite.
        jinja2.UndefinedError: if the tree lacks a required value.
    """
    return _written(environment().get_template("main.html.j2").render(_context(tree, drawn)))


def _context(tree: Mapping[str, Any], drawn: Sequence[ReportFigure]) -> dict[str, Any]:
    root, parts = JsonPointerNode(tree), sections.sections(drawn)
    return {
        "tree": root,
        "measures": Measures.from_json(tree["measures"]),
        "noise": sections.noise(root),
        "sections": [part for part in parts if part.figures],
        "undrawn": [figure for part in parts if not part.figures for figure in part.undrawn],
        "drawable": True,
    }


def _written(html: str) -> str:
    """The page with lone surrogates and bidirectional control characters replaced by U+FFFD."""
    return _NEVER.sub("\N{REPLACEMENT CHARACTER}", html)


@cache
def _script(names: tuple[str, ...]) -> Markup:
    """Scripts concatenated and wrapped in a function, so that they define no globals."""
    config = f"const CONFIG = {json.dumps(dict(CONFIG))};"
    return inline_script(f'(() => {{\n"use strict";\n{config}\n{_assets(names)}\n}})();')


@cache
def _assets(names: tuple[str, ...]) -> str:
    """Text of asset files of the package, concatenated."""
    folder = resources.files("sweep.report.page") / "assets"
    return "\n".join((folder / name).read_text(encoding="utf-8") for name in names)


def policy(scripts: Iterable[str], *, live: bool) -> str:
    """The page's Content-Security-Policy: no external requests, only the given scripts run.

    Scripts are allowed by their hashes, so that text of a study could not run even if it were not
    escaped. Inline styles are allowed, since Plotly sets style attributes.

    Args:
        scripts: sources of the inline scripts.
        live: whether requests to the page's own server are allowed.
    """
    digests = (hashlib.sha256(script.encode()).digest() for script in scripts)
    allowed = [f"'sha256-{base64.b64encode(digest).decode()}'" for digest in digests]
    rules = {
        "default-src": "'none'",
        "script-src": " ".join((["'self'"] if live else []) + allowed) or "'none'",
        "style-src": "'unsafe-inline'",
        "img-src": "data: blob:",
        "connect-src": "'self'" if live else "'none'",
        "base-uri": "'none'",
        "form-action": "'none'",
    }
    return "; ".join(f"{name} {sources}" for name, sources in rules.items())


def json_script(tree: Any) -> Markup:
    """JSON for a ``<script type="application/json">``, escaped so that it cannot end the element.

    Raises:
        ValueError: if a number is NaN or infinite.
    """
    text = json.dumps(tree, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)  # noqa: S704 - every character that means something to HTML is gone


def inline_script(text: str) -> Markup:
    """Trusted source text to inline in a ``<script>`` or ``<style>`` element.

    Raises:
        ValueError: if it contains a sequence that would end the element.
    """
    if re.search(r"</(script|style)|<!--", text, re.IGNORECASE):
        raise ValueError("an inlined script must not hold the end of its element.")
    return Markup(text.replace("\r\n", "\n"))  # noqa: S704 - trusted, and checked
