"""Write a report to files: HTML page, JSON, and each figure, as images too if asked for."""

from __future__ import annotations

import asyncio
import html
import importlib.util
import json
import logging
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any

from plotly.offline import get_plotlyjs

from sweep.errors import UsageError, fault
from sweep.files.atomic import write_file
from sweep.report.figures.figure import ReportFigure
from sweep.report.figures.kinds import draw
from sweep.report.figures.theme import CONFIG
from sweep.report.page.page import page
from sweep.storage.url import StorageUrl, folder_beside

HEIGHT = 500
"""Default figure height in CSS pixels."""

PAGE, NUMBERS, FIGURES = "report.html", "report.json", "figures"

FORMATS = ("png", "svg")
INSTALL = "pip install 'lorasweep[images]'"
WIDTH, IMAGE_HEIGHT, SCALE = 900, 540, 2
"""Default image size in CSS pixels, and PNG pixels per CSS pixel."""


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


def images_of(
    drawn: Sequence[ReportFigure], folder: Path, formats: Sequence[str]
) -> tuple[dict[str, list[str]], str]:
    """Write each figure as image files.

    Args:
        drawn: the figures.
        folder: output folder.
        formats: image formats, a subset of ``FORMATS``.

    Returns:
        File names by figure key, and why there are none (empty if there are, or none requested).

    Raises:
        OSError: if a file cannot be written.
    """
    there = [each for each in drawn if each.figure is not None]
    if not formats or not there:
        return {}, ""
    if importlib.util.find_spec("kaleido") is None:
        return {}, f"images need kaleido: {INSTALL}"
    for name in ("kaleido", "choreographer", "logistro"):  # which log every browser tab
        logging.getLogger(name).setLevel(logging.WARNING)
    import kaleido
    from choreographer.errors import ChromeNotFoundError  # kaleido's browser library

    specs = [(each, name) for each in there for name in formats]
    try:
        pictures = _rendered(kaleido, specs)
    except ChromeNotFoundError:
        return {}, "images need a Chrome or Chromium browser, and none was found (see BROWSER_PATH)"
    files: dict[str, list[str]] = {}
    for (each, name), picture in zip(specs, pictures, strict=True):
        write_file(folder / f"{each.key}.{name}", picture)
        files.setdefault(each.key, []).append(f"{each.key}.{name}")
    return files, ""


def _rendered(kaleido: Any, specs: Sequence[tuple[ReportFigure, str]]) -> list[bytes]:
    """Image data of each figure in each format, rendered by one browser."""

    async def render() -> list[bytes]:
        async with kaleido.Kaleido(n=1) as browser:
            return [
                await browser.calc_fig(_on_white(each), opts=_options(each, name))
                for each, name in specs
            ]

    with ThreadPoolExecutor(1) as pool:  # notebooks already run an event loop
        return pool.submit(lambda: asyncio.run(render())).result()


def _on_white(drawn: ReportFigure) -> dict[str, Any]:
    """The figure with a white background and its title, which a page would provide."""
    figure = drawn.figure or {}
    white = {"paper_bgcolor": "white", "plot_bgcolor": "white", "title": {"text": drawn.title}}
    margin = {**figure["layout"].get("margin", {}), "t": 60}
    return {"data": figure["data"], "layout": {**figure["layout"], **white, "margin": margin}}


def _options(drawn: ReportFigure, name: str) -> dict[str, Any]:
    height = (drawn.figure or {})["layout"].get("height", IMAGE_HEIGHT)
    scale = SCALE if name == "png" else 1
    return {"format": name, "width": WIDTH, "height": height, "scale": scale}
