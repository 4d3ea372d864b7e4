"""What the options of ``predict`` ask for, and what is wrong with them."""

from __future__ import annotations

import argparse
import re
from dataclasses import dataclass
from pathlib import Path

from sweep.errors import UsageError, fault

SUFFIXES = {".tsv": "tsv", ".json": "json", ".gff3": "gff3", ".gff": "gff3"}
ARGMAX = 0.5


@dataclass(frozen=True)
class Wanted:
    """What is to be made.

    Attributes:
        form: ``tsv``, ``json`` or ``gff3``.
        results: whether there are results to write, or just a page to draw.
        out: where results go; None for stdout.
        page: where the page goes; None for no page.
        threshold: as asked for; None for the adapter's.
    """

    form: str
    results: bool
    out: Path | None
    page: Path | None
    threshold: float | None


def wanted(options: argparse.Namespace) -> Wanted:
    """Work out the options.

    Raises:
        UsageError: with all faults at once.
    """
    threshold, faults = _threshold(options.threshold)
    form = options.format
    wrong = _file_faults("--out", options.out, options.fasta)
    if form is None and options.out is not None and not wrong:
        form = SUFFIXES.get(Path(options.out).suffix.lower())
        if form is None:
            rule, way_out = f"end in {', '.join(SUFFIXES)}", "Or say what it is with --format"
            wrong.append(fault("--out", rule, options.out, way_out=way_out))
    faults += wrong + _file_faults("--html", options.html, options.fasta)
    if options.out is not None and options.out == options.html:
        faults.append(fault("--html", "be another file than --out", options.html))
    if options.json and options.out is None and options.html is None:
        faults.append(fault("--out", "be given with --json, which prints a summary", None))
    if options.chain is not None and options.html is None:
        rule, way_out = "be given with --html", "It names the chain to draw"
        faults.append(fault("--chain", rule, options.chain, way_out=way_out))
    if not re.fullmatch(r"auto|cpu|cuda(:\d+)?", options.device):
        rule = "be 'auto', 'cpu', 'cuda' or 'cuda:N'"
        faults.append(fault("--device", rule, options.device))
    if faults:
        raise UsageError(faults)
    to_file = options.out is not None
    alone = options.html is not None and not to_file and (options.format is None or options.json)
    return Wanted(
        form=form or "tsv",
        results=not alone,
        out=Path(options.out) if to_file else None,
        page=None if options.html is None else Path(options.html),
        threshold=threshold,
    )


def _threshold(text: str | None) -> tuple[float | None, list[str]]:
    if text is None or text == "argmax":
        return (None if text is None else ARGMAX), []
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if 0 < number < 1:
        return number, []
    rule = "be a probability above 0 and below 1, or argmax, which is 0.5"
    return None, [fault("--threshold", rule, text)]


def _file_faults(option: str, name: str | None, fasta: str) -> list[str]:
    """Why a file cannot be written: something else would be lost, or it has no place."""
    if name is None:
        return []
    path = Path(name)
    try:
        if path.exists() and not path.is_file():
            got = "a folder" if path.is_dir() else "a device or a pipe"
            way_out = "" if path.is_dir() else "Without --out, results go to stdout"
            return [fault(option, "be a file", name, where=f"it is {got}", way_out=way_out)]
        if path.exists() and Path(fasta).exists() and path.samefile(fasta):
            return [fault(option, "be another file than the FASTA file", name)]
        if not path.parent.is_dir():
            return [fault(option, "be in a folder that exists", name)]
    except (OSError, ValueError) as error:  # too long, or forbidden
        return [fault(option, "be a path", name, where=str(error))]
    return []
