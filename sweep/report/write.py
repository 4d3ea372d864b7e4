"""Write a report to files: HTML page, JSON, and each figure separately."""

from __future__ import annotations

import html
import json
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from plotly.offline import get_plotlyjs

from sweep.errors import UsageError, fault
from sweep.files.atomic import write_file
from sweep.report.figures.figure import ReportFigure
from sweep.report.figures.kinds import draw
from sweep.report.figures.theme import CONFIG
from sweep.report.images import images_of
from sweep.report.page.page import page
from sweep.storage.url import StorageUrl, folder_beside

HEIGHT = 500
"""Default figure height in CSS pixels."""


@cache
def library() -> str:
    """plotly.js, minified."""
    return str(get_plotlyjs())


def standalone(drawn: ReportFigure) -> str:
    """A figure as a separate HTML page that loads ``plotly.min.js`` from its folder."""
    spec = json.dumps(drawn.figure, allow_nan=False).replace("<", "\\u003c")
    config = json.dumps(dict(CONFIG))
    height = (drawn.figure or {})["layout"].get("height", HEIGHT)
    title, caption = html.escape(drawn.title), html.escape(drawn.caption)
    return f"""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{title}</title>
<style>body {{ font: 16px/1.5 system-ui, sans-serif; margin: 1rem auto; max-width: 60rem; \
padding: 0 1rem }}</style>
<h1>{title}</h1>
<div id="figure" style="height: {height}px"></div>
<p>{caption}</p>
<script src="plotly.min.js"></script>
<script>
const figure = {spec};
Plotly.newPlot("figure", figure.data, figure.layout, {config});
</script>
</html>
"""


PAGE, NUMBERS, FIGURES = "report.html", "report.json", "figures"


def default_folder(address: StorageUrl, name: str) -> Path:
    """Default report folder: beside a SQLite database file, else in ``runs``."""
    return folder_beside(address, name, "report")


def write_report(
    tree: Mapping[str, Any], folder: Path, image_formats: Sequence[str] = ()
) -> dict[str, Any]:
    """Write a report's files; each is replaced atomically.

    Args:
        tree: result of ``sweep.report.tree.build.report_tree``.
        folder: output folder; created if missing.
        image_formats: additional image formats per figure, ``png`` or ``svg``.

    Returns:
        JSON-serialisable data: ``study``, ``storage``, ``folder``, paths of ``page`` and
        ``numbers``, file names of ``figures`` by key, reasons of ``empty`` figures by key,
        ``images`` (why requested images are missing; empty if they are not), and ``verdicts``.

    Raises:
        UsageError: if the folder cannot be written.
    """
    drawn = draw(tree)
    numbers = json.dumps(tree, allow_nan=False, indent=1, ensure_ascii=False)
    try:
        write_file(folder / PAGE, page(tree, drawn, plotly_js=library()).encode())
        write_file(folder / NUMBERS, numbers.encode(errors="surrogatepass"))
        figures = _write_figures(folder / FIGURES, drawn)
        images, without = images_of(drawn, folder / FIGURES, image_formats)
    except OSError as error:
        rule = "be a folder that can be written"
        raise UsageError(fault("--out", rule, str(folder), where=str(error))) from error
    for key, names in images.items():
        figures[key] += names
    return {
        "study": tree["study"]["name"],
        "storage": tree["study"]["storage"],
        "folder": str(folder),
        "page": str(folder / PAGE),
        "numbers": str(folder / NUMBERS),
        "figures": figures,
        "empty": {each.key: each.empty for each in drawn if each.figure is None},
        "images": without,
        "verdicts": [
            {"claim": claim["claim"], "headline": claim["headline"]}
            for claim in (tree["analysis"] or {"claims": []})["claims"]
        ],
    }


def _write_figures(folder: Path, drawn: Sequence[ReportFigure]) -> dict[str, list[str]]:
    """Write each figure as an HTML page and as plotly JSON, with one shared plotly.js."""
    there = [each for each in drawn if each.figure is not None]
    if there:
        write_file(folder / "plotly.min.js", library().encode())
    files: dict[str, list[str]] = {}
    for each in there:
        text = json.dumps(each.figure, allow_nan=False)
        write_file(folder / f"{each.key}.html", standalone(each).encode())
        write_file(folder / f"{each.key}.json", text.encode())
        files[each.key] = [f"{each.key}.html", f"{each.key}.json"]
    return files
