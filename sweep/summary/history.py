"""What every summary says of a study that was extended."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Console

from sweep.summary.cells import line


def print_history(report: Mapping[str, Any], console: Console) -> None:
    """How the study's space was extended: no figure is read without it."""
    for entry in report.get("history", ()):
        what = "; ".join(entry["changes"])
        after = f"after {entry['n_trials']} trials"
        line(console, f"extended   {entry['when'][:16]} {after}: {what}")
