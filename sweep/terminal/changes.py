"""Reports of an export, a copy or an extension, as text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Console

from sweep.terminal.formatting import line


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
        what = "; ".join(entry["changes"])
        if "n_complete" in entry:
            after = f"after {entry['n_complete']} complete trials"
            line(console, f"claims     {entry['when'][:16]} {after}: {what}")
        else:
            after = f"after {entry['n_trials']} trials"
            line(console, f"extended   {entry['when'][:16]} {after}: {what}")


def print_extension(report: Mapping[str, Any], console: Console) -> None:
    """Print the report of ``extend``."""
    line(console, f"study      {report['study']}", "bold")
    line(console, f"storage    {report['storage']}")
    print_history(report, console)
