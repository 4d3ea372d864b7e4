"""The state of a study as text: a ``sweep.results.status.snapshot``."""

from __future__ import annotations

import math
import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console

from sweep.study.measures import Measures
from sweep.terminal.changes import print_history
from sweep.terminal.console import duration
from sweep.terminal.formatting import line, number, param, params, scalars, table
from sweep.terminal.lora_config import print_lora_config

Tree = Mapping[str, Any]

SHOWN_TRIALS = 60
"""Rows of the trial table; a longer study shows its best trials."""

SHOWN_METRICS = 10
"""Number of the best trial's metrics that are printed."""

SHOWN_FAILURES = 20
"""Number of failures that are listed."""


def print_head(report: Tree, console: Console) -> None:
    """Print a snapshot's name, objective, trial counts and driver."""
    line(console, f"study      {report['study']}", "bold")
    line(console, f"storage    {report['storage']}")
    objective = report["objective"] or "unknown: a study of plain Optuna"
    line(console, f"objective  {objective} ({report['direction']})")
    counts = report["counts"]
    failures: Sequence[Tree] = report.get("failed", ())
    interrupted = sum(bool(entry.get("interrupted")) for entry in failures)
    failed = len(failures) - interrupted
    # Trials that ran out of memory are stored as PRUNED, so that samplers use them.
    pruned = counts.get("PRUNED", 0) + counts.get("FAIL", 0) - len(failures)
    reused = sum(trial.get("reused_from") is not None for trial in report.get("trials", ()))
    # Reruns of collapsed trials do not count towards the target.
    complete = counts.get("COMPLETE", 0) - report.get("phases", {}).get("run_again", 0)
    target = "" if report["target_trials"] is None else f"/{report['target_trials']}"
    parts = [
        f"{complete}{target} complete" + (f" ({reused} reused)" if reused else ""),
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
    """Print the number of complete trials per phase, and of collapsed ones."""
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


def _running(report: Tree) -> str:
    """A word for RUNNING trials, which a killed driver may have left in that state."""
    ours = report["target_trials"] is not None
    orphaned = ours and report["counts"].get("RUNNING") and not report.get("driver")
    return "left by a driver that is gone (a resume runs them again)" if orphaned else "running"


def print_status(report: Tree, console: Console) -> None:
    """Print all of a study's snapshot."""
    labels: Mapping[str, str] = report.get("labels", {})
    stored = report.get("measures")
    measures = Measures() if stored is None else Measures.from_json(stored)
    print_head(report, console)
    _best(report, labels, measures, console)
    _baselines(report, console)
    _final_test(report, measures, console)
    print_lora_config(report, console)
    _trials(report, labels, console)
    _failed(report, labels, console)
    _next(report, console)


def _best(report: Tree, labels: Mapping[str, str], measures: Measures, console: Console) -> None:
    line(console)
    best = report["best"]
    if best is None:
        none = "none yet: no trial is complete"
        if report["counts"].get("COMPLETE"):
            none = "none: no complete trial is feasible and has one finite value"
        line(console, f"best       {none}")
        return
    value = f"{number(best['value'])}{measures.unit_after(measures.value.name)}"
    line(console, f"best       {value} in trial {best['number']}", "bold green")
    line(console, f"           {params(best['params'], labels)}")
    metrics = scalars(best.get("metrics") or {}, SHOWN_METRICS, measures)
    if metrics:
        line(console, f"           {metrics}")
    if best.get("adapter"):
        line(console, f"adapter    {best['adapter']}")


def baseline_means(report: Tree) -> list[dict[str, Any]]:
    """Mean of each baseline over its ``n`` seeds, and the best trial's difference from it."""
    best = report["best"]
    by_name: dict[str, list[float]] = {}
    for entry in report.get("baselines", ()):
        if entry["value"] is not None:
            by_name.setdefault(entry["name"], []).append(float(entry["value"]))
    found = []
    for name, values in by_name.items():
        mean = math.fsum(values) / len(values)
        ahead = None if best is None else best["value"] - mean
        found.append({"name": name, "mean": mean, "n": len(values), "ahead": ahead})
    return found


def _baselines(report: Tree, console: Console) -> None:
    for each in baseline_means(report):
        seeds = f" (mean of {each['n']} seeds)" if each["n"] > 1 else ""
        ahead = "" if each["ahead"] is None else f"; best is {each['ahead']:+.4f} from it"
        line(console, f"baseline   {number(each['mean'])} {each['name']}{seeds}{ahead}")


def _final_test(report: Tree, measures: Measures, console: Console) -> None:
    test = report.get("final_test")
    if test:
        measured = {k: v for k, v in test["metrics"].items() if k.startswith("test_")}
        line(console, f"final test of trial {test['number']}, once:", "bold")
        line(console, f"           {scalars(measured, SHOWN_METRICS, measures)}")


def _trials(report: Tree, labels: Mapping[str, str], console: Console) -> None:
    trials: Sequence[Tree] = report.get("trials", ())
    if not trials:
        return
    line(console)
    shown = list(trials)
    if len(trials) > SHOWN_TRIALS:
        sign = -1.0 if report["direction"] == "maximize" else 1.0
        ranked = [trial for trial in trials if trial["value"] is not None]
        shown = sorted(ranked, key=lambda trial: sign * trial["value"])[:SHOWN_TRIALS]
        line(console, f"the best {len(shown)} of {len(trials)} trials (--json lists all):")
    names = list(dict.fromkeys(name for trial in shown for name in trial["params"]))
    optional = {
        "replicate": any(trial.get("replicate") for trial in shown),
        "trainable": any(trial.get("trainable_parameters") is not None for trial in shown),
    }
    header = ["trial", "state", "value", *names, *(k for k, used in optional.items() if used)]
    rows = []
    for trial in shown:
        cells = {
            "replicate": number(trial.get("replicate")),
            "trainable": number(trial.get("trainable_parameters")),
        }
        seconds = trial.get("seconds")
        rows.append(
            [
                str(trial["number"]),
                str(trial["state"]),
                number(trial["value"]),
                *(param(trial["params"].get(name, "-"), labels) for name in names),
                *(cells[key] for key, used in optional.items() if used),
                "-" if seconds is None else duration(seconds),
            ]
        )
    table(console, [*header, "time"], rows, left=("state", *names))


def _failed(report: Tree, labels: Mapping[str, str], console: Console) -> None:
    failed = [entry for entry in report.get("failed", ()) if not entry.get("interrupted")]
    if not failed:
        return
    line(console)
    line(console, f"{len(failed)} failed:", "bold red")
    for entry in failed[:SHOWN_FAILURES]:
        first = _first_line(entry["reason"])
        line(console, f"  trial {entry['number']}  {params(entry['params'], labels)}  {first}")
    if len(failed) > SHOWN_FAILURES:
        line(console, f"  and {len(failed) - SHOWN_FAILURES} more (--json lists all)")
    line(console, "  with their tracebacks: lorasweep status --failed")


def print_failures(report: Tree, console: Console) -> None:
    """Print every failure of a study's snapshot with its traceback."""
    failed = report["failed"]
    line(console, f"study      {report['study']}", "bold")
    line(console, f"storage    {report['storage']}")
    line(console, f"failed     {len(failed)} of {len(report['trials'])} trials")
    for entry in failed:
        line(console)
        line(console, f"trial {entry['number']}  {_first_line(entry['reason'])}", "bold red")
        line(console, f"  {params(entry['params'], report.get('labels', {}))}")
        if entry["peak_memory_bytes"] is not None:
            line(console, f"  peak memory {entry['peak_memory_bytes'] / 2**20:,.0f} MiB")
        for text in (entry["traceback"] or "").splitlines():
            line(console, f"  {text}", "dim")


def _first_line(reason: object) -> str:
    return (str(reason).splitlines() or [""])[0]


def _next(report: Tree, console: Console) -> None:
    """Print commands for the next step: resume while trials are missing, then importance."""
    complete = report.get("phases", {}).get("counted", report["counts"].get("COMPLETE", 0))
    where = f"--storage {shlex.quote(report['storage'])} --name {shlex.quote(report['study'])}"
    line(console)
    if report["target_trials"] is None:
        line(console, f"elsewhere:     lorasweep export {where} --out trials.csv")
        return
    if complete < report["target_trials"] and not report.get("driver"):
        line(console, f"go on:         lorasweep resume {where}")
    if complete >= 2:
        line(console, f"what mattered: lorasweep importance {where}")
