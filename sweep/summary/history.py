"""What every summary says of a study whose space was extended, or whose claims were changed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Console

from sweep.summary.cells import line


def print_history(report: Mapping[str, Any], console: Console) -> None:
    """How the study's space and claims came to be what they are: no figure is read without it."""
    for entry in report.get("history", ()):
        what = "; ".join(entry["changes"])
        if "n_complete" in entry:
            after = f"after {entry['n_complete']} complete trials"
            line(console, f"claims     {entry['when'][:16]} {after}: {what}")
        else:
            after = f"after {entry['n_trials']} trials"
            line(console, f"extended   {entry['when'][:16]} {after}: {what}")
