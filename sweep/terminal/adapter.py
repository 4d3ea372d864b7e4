"""Print an exported adapter."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

from rich.console import Console

from sweep.terminal.formatting import line, number


def print_adapter(report: Mapping[str, Any], console: Console) -> None:
    """Print the report of ``export_adapter``, and a command that uses the adapter."""
    line(console, f"study      {report['study']}", "bold")
    line(console, f"storage    {report['storage']}")
    line(console, f"trial      {report['trial']}, value {number(report['value'])}")
    if report["retrained"]:
        same = (
            "the same value, bit for bit"
            if report["bitwise"]
            else "the same value but for rounding"
        )
        line(console, f"trained    again, to {same}")
    line(console, f"adapter    {report['out']}")
    line(console, f"           {', '.join(report['files'])}")
    line(console)
    where = shlex.quote(report["out"])
    line(console, f"predict with it: lorasweep predict --adapter {where} INPUT")
