"""What a command found, for a person or for a program."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from rich.console import Console

from sweep.cli.streams import to_stdout
from sweep.console import make_console


def show(
    report: Mapping[str, Any],
    printer: Callable[[Mapping[str, Any], Console], None],
    *,
    as_json: bool,
) -> None:
    """Print a report: as one JSON document, or as its printer does.

    Raises:
        SweepError: if stdout cannot take it.
    """
    with to_stdout():
        if as_json:
            print(json.dumps(report))
        else:
            printer(report, make_console())
