"""Print a command's report as text or JSON."""

from __future__ import annotations

import json
import webbrowser
from collections.abc import Callable, Mapping
from typing import Any

from rich.console import Console

from sweep.cli.options import Serving
from sweep.cli.streams import say, to_stdout
from sweep.files.strict_json import strict_document
from sweep.terminal.console import make_console


def show(
    report: Mapping[str, Any],
    printer: Callable[[Mapping[str, Any], Console], None],
    *,
    as_json: bool,
) -> None:
    """Print a report: as one JSON document, or as text by its printer.

    In JSON, numbers that are not finite become null and are listed under ``not_finite``.

    Args:
        report: the report.
        printer: prints the report as text.
        as_json: whether to print JSON.

    Raises:
        SweepError: if stdout cannot be written.
    """
    with to_stdout():
        if as_json:
            print(json.dumps(strict_document(report), allow_nan=False))
        else:
            printer(report, make_console())


def announce(url: str, options: Serving) -> None:
    """Print a server's URL, as text or JSON, and open it if asked."""
    show({"url": url}, lambda tree, console: console.print(tree["url"]), as_json=options.json)
    say("Ctrl-C ends it")
    if options.open:
        webbrowser.open(url)
