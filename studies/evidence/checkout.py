"""Where the evidence's commands write: into a checkout of the project, or where they are told."""

from __future__ import annotations

import argparse
from pathlib import Path

ROOT = Path(__file__).parents[2]


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
