"""What a command found, for a person or for a program."""

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
    """Print a report: as one JSON document, or as its printer does.

    In the document a number that is not finite is null, and ``not_finite`` says what it was.

    Raises:
        SweepError: if stdout cannot take it.
    """
    with to_stdout():
        if as_json:
            print(json.dumps(strict_document(report), allow_nan=False))
        else:
            printer(report, make_console())
