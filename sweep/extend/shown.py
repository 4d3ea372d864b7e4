"""An extension, for people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Console

from sweep.summary.cells import line
from sweep.summary.history import print_history


def print_extension(report: Mapping[str, Any], console: Console) -> None:
    """Print what ``extend`` returns."""
    line(console, f"study      {report['study']}", "bold")
    line(console, f"storage    {report['storage']}")
    print_history(report, console)
