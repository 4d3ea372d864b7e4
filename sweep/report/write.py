"""A report as files: the page, its numbers, and each figure by itself."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sweep.atomic import write_file
from sweep.errors import UsageError, fault
from sweep.report.figures import Drawn, draw
from sweep.report.images import images_of
from sweep.report.page import page
from sweep.report.plotly_files import library, standalone
from sweep.storage import Address, folder_beside

PAGE, NUMBERS, FIGURES = "report.html", "report.json", "figures"


def default_folder(address: Address, name: str) -> Path:
    """Where a report goes when nobody says otherwise: beside a file's database."""
    return folder_beside(address, name, "report")


def write_report(
    tree: Mapping[str, Any], folder: Path, image_formats: Sequence[str] = ()
) -> dict[str, Any]:
    """Write a report; each file appears whole, in the place of an earlier one.

    Args:
        tree: as ``sweep.report.gather.report_tree`` makes it.
        folder: where; made if missing.
        image_formats: ``png`` and ``svg``, for each figure as an image too.

    Returns:
        What was written, as a JSON tree: ``page``, ``numbers``, ``figures`` by key with their
        files, and ``images`` why there are none, if some were asked for.

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


def _write_figures(folder: Path, drawn: Sequence[Drawn]) -> dict[str, list[str]]:
    """Each figure as a page, beside one plotly.js for all of them, and as plotly's JSON."""
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
