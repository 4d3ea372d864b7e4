"""The pictures of the documents, drawn anew from a study's database: ``make pictures``.

Needs the development environment (playwright, kaleido) and a Chromium browser.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

from playwright.sync_api import sync_playwright

from objectives import described
from studies.evidence.numbers import CONFIRM, MEASUREMENT, RESULTS
from studies.evidence.pages import ROOT, out_argument, out_folder
from sweep.errors import SweepError
from sweep.report.tree.build import report_tree
from sweep.report.write import write_report
from sweep.storage.studies import open_known
from sweep.storage.url import StorageUrl

PICTURES = ROOT / "docs" / "pictures"
CHROMIUM = ("chromium", "chromium-browser", "google-chrome")

SHOTS = {
    "report-light.png": ("light", 1280, 900, "main"),
    "report-dark.png": ("dark", 1280, 900, "#plot-effect-targets"),
    "report-phone.png": ("light", 390, 844, "main"),
}
"""File to colour scheme, width and height in CSS pixels, and what to scroll to."""

FIGURES = {
    MEASUREMENT: ("importance-fanova", "effect-targets", "effect-learning-rate", "size", "gap"),
    CONFIRM: ("effect-targets", "effect-rank"),
}
"""Study to those of its report's figures that the documents show by themselves."""


def pictures(name: str, folder: Path = PICTURES) -> list[Path]:
    """Draw the pictures of a study: its figures, and of the first study its report.

    Args:
        name: of the study; its database is in ``studies/results``.
        folder: where to.

    Returns:
        The files written.

    Raises:
        SweepError: if the database cannot be read, or there is no browser.
    """
    address = StorageUrl.parse(f"sqlite:///{RESULTS / name}.db")
    with tempfile.TemporaryDirectory() as scratch:
        made = write_report(
            report_tree(open_known(address, name), address, own=described), Path(scratch), ["png"]
        )
        if made["images"]:
            raise SweepError(made["images"])
        written = []
        for figure in FIGURES[name]:
            prefix = "" if name == MEASUREMENT else f"{name}-"
            written.append(folder / f"{prefix}{figure}.png")
            shutil.copyfile(Path(scratch) / "figures" / f"{figure}.png", written[-1])
        if name == MEASUREMENT:
            written += _screenshots(Path(made["page"]), folder)
        return written


def _screenshots(page_file: Path, folder: Path) -> list[Path]:
    browser_file = next(filter(None, map(shutil.which, CHROMIUM)), None)
    if browser_file is None:
        raise SweepError("pictures need a Chromium browser, and none was found")
    written = []
    with sync_playwright() as playwright:
        # A container's root has no user namespaces for the sandbox; the page is our own.
        browser = playwright.chromium.launch(executable_path=browser_file, args=["--no-sandbox"])
        for name, (scheme, width, height, place) in SHOTS.items():
            page = browser.new_page(
                viewport={"width": width, "height": height},
                color_scheme="dark" if scheme == "dark" else "light",
            )
            page.goto(page_file.as_uri())
            page.locator(place).first.scroll_into_view_if_needed()
            page.wait_for_timeout(1500)  # figures are drawn when they come near the screen
            page.screenshot(path=folder / name)
            written.append(folder / name)
            page.close()
        browser.close()
    return written


def main(arguments: Sequence[str]) -> int:
    """Draw the pictures of the studies named, by default of all that have any; the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m studies.evidence.pictures",
        description="Pictures of the documents, by a Chromium browser.",
    )
    parser.add_argument("studies", nargs="*", help=f"of {', '.join(FIGURES)}; default: all")
    out_argument(parser, "docs/pictures in a checkout")
    options = parser.parse_args(arguments)
    chosen = options.studies
    unknown = [name for name in chosen if name not in FIGURES]
    if unknown:
        parser.error(f"no pictures of {', '.join(unknown)}: take any of {', '.join(FIGURES)}")
    folder = out_folder(parser, options) or PICTURES
    folder.mkdir(parents=True, exist_ok=True)
    for name in chosen or FIGURES:
        for path in pictures(name, folder):
            print(path)  # noqa: T201  # a command prints
    return 0


if __name__ == "__main__":
    import sys

    raise SystemExit(main(sys.argv[1:]))
