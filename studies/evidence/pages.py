"""The documents: templates filled with the numbers, so that no figure is typed by hand."""

from __future__ import annotations

import argparse
import json
import operator
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jinja2

ROOT = Path(__file__).parents[2]
TEMPLATES = Path(__file__).parent / "templates"

PAGES = {
    "studies.md.jinja": ROOT / "studies" / "README.md",
    "esm2_binding_sites.md.jinja": ROOT / "docs" / "results" / "esm2_binding_sites.md",
}
"""Each template, and the document made of it."""


def out_argument(parser: argparse.ArgumentParser, usual: str) -> None:
    """Declare ``--out``.

    Args:
        parser: a command's.
        usual: where it writes without.
    """
    parser.add_argument(
        "--out", metavar="DIR", type=Path, help=f"where to (without it, {usual}; else required)"
    )


def out_folder(parser: argparse.ArgumentParser, options: argparse.Namespace) -> Path | None:
    """The folder that was named; None for the checkout. Ends the command where there is neither.

    An installed package is left as it was installed.
    """
    folder: Path | None = options.out
    if folder is None and not (ROOT / "pyproject.toml").is_file():
        parser.error(f"--out DIR must be given outside a checkout of lorasweep: this is {ROOT}")
    return folder


def page(template: str, numbers: Mapping[str, Any]) -> str:
    """One document.

    Args:
        template: a key of ``PAGES``.
        numbers: see ``studies.evidence.numbers``.
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=False,  # noqa: S701  # Markdown, of our own numbers
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"f": fixed, "signed": signed, "pct": percent, "rate": rate}
    environment.filters["divided"] = operator.truediv
    environment.filters["from_json"] = json.loads  # what a macro worked out
    return environment.get_template(template).render(n=numbers)


def fixed(value: float | None, digits: int = 3) -> str:
    """A number with that many digits after the point; a dash for none."""
    return "-" if value is None else f"{value:.{digits}f}"


def signed(value: float | None, digits: int = 4) -> str:
    """A difference, its sign always shown."""
    return "-" if value is None else f"{value:+.{digits}f}"


def percent(value: float, digits: int = 0) -> str:
    """A share of one, in per cent."""
    return f"{100 * value:.{digits}f} %"


def rate(value: float) -> str:
    """A learning rate, as people write one."""
    digits, power = f"{value:.1e}".split("e")
    return f"{digits}e{int(power)}".replace(".0e", "e")
