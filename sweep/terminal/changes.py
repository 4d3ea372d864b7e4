"""Reports of an export, a copy, an extension or an exported adapter, as text."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

from rich.console import Console

from sweep.terminal.formatting import line, number


def print_export(report: Mapping[str, Any], console: Console) -> None:
    """Print the report of ``export``."""
    line(console, f"study      {report['study']}")
    line(console, f"storage    {report['storage']}")
    line(console, f"out        {report['out']} ({report['columns']} columns)")
    line(console, f"trials     {_counts(report)}, read back and every one compared")


def print_copy(report: Mapping[str, Any], console: Console) -> None:
    """Print the report of ``copy``."""
    line(console, f"study      {report['study']}")
    line(console, f"from       {report['from']}")
    line(console, f"to         {report['to']}")
    line(console, f"trials     {_counts(report)}, every one compared")
    line(console, f"attributes {report['attributes']} of the study, every one compared")
    if report["redone"]:
        line(console, "an unfinished copy was there, and has been made anew")


def _counts(report: Mapping[str, Any]) -> str:
    counts = [f"{n} {state.lower()}" for state, n in report["counts"].items() if n]
    return f"{report['trials']} ({', '.join(counts)})" if counts else "0"


def print_history(report: Mapping[str, Any], console: Console) -> None:
    """Print the changes of a study's space and claims, which every figure depends on."""
    for entry in report.get("history", ()):
        of_claims = "n_complete" in entry
        after = f"{entry['n_complete']} complete" if of_claims else str(entry["n_trials"])
        what, kind = "; ".join(entry["changes"]), "claims" if of_claims else "extended"
        line(console, f"{kind:<10} {entry['when'][:16]} after {after} trials: {what}")


def print_extension(report: Mapping[str, Any], console: Console) -> None:
    """Print the report of ``extend``."""
    line(console, f"study      {report['study']}", "bold")
    line(console, f"storage    {report['storage']}")
    print_history(report, console)


def print_adapter(report: Mapping[str, Any], console: Console) -> None:
    """Print the report of ``export_adapter``, and a command that uses the adapter."""
    line(console, f"study      {report['study']}", "bold")
    line(console, f"storage    {report['storage']}")
    line(console, f"trial      {report['trial']}, value {number(report['value'])}")
    if report["retrained"]:
        exact = ", bit for bit" if report["bitwise"] else " but for rounding"
        line(console, f"trained    again, to the same value{exact}")
    line(console, f"adapter    {report['out']}")
    line(console, f"           {', '.join(report['files'])}")
    line(console)
    where = shlex.quote(report["out"])
    line(console, f"predict with it: lorasweep predict --adapter {where} INPUT")
