"""A report's tree and figures as one HTML file that asks for nothing else."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import resources
from typing import Any

from markupsafe import Markup

from sweep.report.figures.theme import CONFIG
from sweep.report.page.environment import environment
from sweep.report.page.pointer import JsonPointerNode
from sweep.report.page.sections import Figure, noise, sections
from sweep.report.page.security import inline_script, policy

EARLY = ("theme.js",)
"""Scripts that run before anything is seen."""

LATE = ("figures.js", "tables.js", "contents.js", "print.js", "news.js", "start.js")
"""Scripts that run when the page is there, in order."""

STYLES = ("tokens.css", "text.css", "layout.css", "answer.css", "parts.css", "print.css")
"""Style sheets, in order."""

_NEVER = re.compile(r"[\ud800-\udfff\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def page(
    tree: Mapping[str, Any],
    drawn: Sequence[Figure],
    *,
    plotly_js: str | None,
    live: bool = False,
) -> str:
    """The whole page.

    Args:
        tree: as ``sweep.report.tree.build.report_tree`` makes it.
        drawn: the figures, in order; their keys must differ.
        plotly_js: text of plotly.js, which becomes part of the page; without it a live page
            takes it from its server as ``plotly.min.js``, and any other tells its figures in
            words.
        live: whether the page asks the server that it came from for news: ``state`` for a JSON
            object of ``version`` (any string) and ``running``, ``fragment`` for what ``fragment``
            makes, both beside the page.

    Returns:
        HTML5 as text, to be written as UTF-8.

    Raises:
        ValueError: if a number to be shown or drawn is NaN or infinite.
        jinja2.UndefinedError: if the tree lacks something.
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


def fragment(tree: Mapping[str, Any], drawn: Sequence[Figure]) -> str:
    """What stands in the page's ``<main>``, for a live page to put in its place.

    Args:
        tree: see ``page``.
        drawn: see ``page``.

    Raises:
        ValueError: see ``page``.
        jinja2.UndefinedError: see ``page``.
    """
    return _written(environment().get_template("main.html.j2").render(_context(tree, drawn)))


def _context(tree: Mapping[str, Any], drawn: Sequence[Figure]) -> dict[str, Any]:
    root, parts = JsonPointerNode(tree), sections(drawn)
    return {
        "tree": root,
        "noise": noise(root),
        "sections": [part for part in parts if part.figures],
        "undrawn": [figure for part in parts if not part.figures for figure in part.undrawn],
        "drawable": True,
    }


def _written(html: str) -> str:
    """The page with a sign in place of what a name may hold and text should not.

    That is half characters, which UTF-8 has not, and marks that turn the order of what follows.
    """
    return _NEVER.sub("\N{REPLACEMENT CHARACTER}", html)


@cache
def _script(names: tuple[str, ...]) -> Markup:
    """Scripts as one, whose names nobody else sees."""
    config = f"const CONFIG = {json.dumps(dict(CONFIG))};"
    return inline_script(f'(() => {{\n"use strict";\n{config}\n{_assets(names)}\n}})();')


@cache
def _assets(names: tuple[str, ...]) -> str:
    """Files of the package, one after the other."""
    folder = resources.files("sweep.report.page") / "assets"
    return "\n".join((folder / name).read_text(encoding="utf-8") for name in names)
