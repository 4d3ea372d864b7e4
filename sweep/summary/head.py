"""The first lines of a study's status: what it is, and how many trials it has of which kind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console

from sweep.summary.cells import line
from sweep.summary.history import print_history

Tree = Mapping[str, Any]


def print_head(report: Tree, console: Console) -> None:
    """Print what a study is, and how many trials it has.

    Args:
        report: as ``sweep.status.snapshot`` makes it.
        console: where to.
    """
    line(console, f"study      {report['study']}", "bold")
    line(console, f"storage    {report['storage']}")
    objective = report["objective"] or "unknown: a study of plain Optuna"
    line(console, f"objective  {objective} ({report['direction']})")
    counts = report["counts"]
    failures: Sequence[Tree] = report.get("failed", ())
    interrupted = sum(map(is_interrupted, failures))
    failed = len(failures) - interrupted
    # One that ran out of memory is told to Optuna as pruned, for its samplers to learn from.
    pruned = counts.get("PRUNED", 0) + counts.get("FAIL", 0) - len(failures)
    reused = sum(trial.get("reused_from") is not None for trial in report.get("trials", ()))
    parts = [
        f"{_complete(report)}{_target(report)} complete"
        + (f" ({reused} reused)" if reused else ""),
        f"{failed} failed",
        f"{pruned} pruned",
        f"{counts.get('RUNNING', 0)} {_running(report)}",
    ]
    if interrupted:
        parts.append(f"{interrupted} interrupted and queued again")
    if counts.get("WAITING"):
        parts.append(f"{counts['WAITING']} waiting")
    line(console, f"trials     {', '.join(parts)}")
    _phases(report, console)
    if report.get("driver"):
        line(console, f"driver     {report['driver']}")
    print_history(report, console)


def _phases(report: Tree, console: Console) -> None:
    """What of a study with a design is measured, and what of that learned nothing."""
    phases: Tree = report.get("phases", {})
    if not phases.get("points"):
        return
    done = phases["by_phase"]
    parts = [
        f"{phase} {done.get(phase, 0)}/{phases['points']} complete"
        for phase in ("measure", "pilot")
        if phase in done or (phase == "measure" and "pilot" not in done)
    ]
    if "search" in done:
        parts.append(f"search {done['search']} complete")
    line(console, f"phases     {', '.join(parts)}")
    if phases["collapsed"]:
        again = f", {phases['run_again']} run again with another seed (not counted above)"
        what = f"{phases['collapsed']} learned nothing{again if phases['run_again'] else ''}"
        line(console, f"collapsed  {what}")


def _complete(report: Tree) -> int:
    """COMPLETE trials, without second runs of collapsed ones, which count towards no target."""
    again: int = report.get("phases", {}).get("run_again", 0)
    return int(report["counts"].get("COMPLETE", 0)) - again


def _target(report: Tree) -> str:
    """How many COMPLETE trials are wanted; plain Optuna does not say."""
    return "" if report["target_trials"] is None else f"/{report['target_trials']}"


def _running(report: Tree) -> str:
    """What RUNNING means: a driver that was killed could not say that its trials ended."""
    ours = report["target_trials"] is not None
    orphaned = ours and report["counts"].get("RUNNING") and not report.get("driver")
    return "left by a driver that is gone (a resume runs them again)" if orphaned else "running"


def is_interrupted(entry: Tree) -> bool:
    """Whether a trial did not fail by itself, but with the process that drove it."""
    return bool(entry.get("interrupted"))
