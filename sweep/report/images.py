"""Export figures as PNG and SVG with kaleido, which needs a browser."""

from __future__ import annotations

import asyncio
import importlib.util
import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from sweep.files.atomic import write_file
from sweep.report.figures.figure import ReportFigure

FORMATS = ("png", "svg")
INSTALL = "pip install 'lorasweep[images]'"
WIDTH, HEIGHT, SCALE = 900, 540, 2
"""Default image size in CSS pixels, and PNG pixels per CSS pixel."""


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
    height = (drawn.figure or {})["layout"].get("height", HEIGHT)
    scale = SCALE if name == "png" else 1
    return {"format": name, "width": WIDTH, "height": height, "scale": scale}
