"""Print a command's report as text or JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from rich.console import Console

from sweep.cli.streams import to_stdout
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
