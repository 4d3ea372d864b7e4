"""Importance reports as text: one table, with a column per method."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console

from sweep.terminal.changes import print_history
from sweep.terminal.formatting import line, table
from sweep.terminal.verdict import print_verdict

Tree = Mapping[str, Any]


def print_importance(report: Tree, console: Console) -> None:
    """Print an ``ImportanceReport`` as JSON, or the analysis of a study, which has more fields."""
    if "study" in report:
        line(console, f"study      {report['study']}", "bold")
    if "storage" in report:
        line(console, f"storage    {report['storage']}")
    if report.get("value_name"):
        line(console, f"value      {report['value_name']}, {report['direction']}d")
    counts = report["counts"]
    rest = f"{counts.get('FAIL', 0)} failed, {counts.get('PRUNED', 0)} pruned"
    line(console, f"trials     {report['n']} used, {rest}")
    print_history(report, console)
    for dropped in report.get("dropped", ()):
        line(console, f"           trial {dropped['number']} left out: {dropped['reason']}")
    for claimed in report.get("claims", ()):
        line(console)
        labelled = {**claimed, "labels": report.get("labels", {}), "direction": report["direction"]}
        print_verdict(labelled, console, registered=report["registered"])
    methods: Sequence[Tree] = report["methods"]
    for alarm in report.get("alarms", ()):
        line(console)
        line(console, f"ALARM: {alarm}", "bold red")
    line(console)
    widest = max((len(method["title"]) for method in methods), default=0)
    for method in methods:
        line(console, f"{method['title']:<{widest}}  {method['question']}")
    if any(method["rows"] for method in methods):
        line(console)
        _shares(methods, console)
    if report.get("modules"):
        _modules(report["modules"], console)
    _notes(report, console)


def _shares(methods: Sequence[Tree], console: Console) -> None:
    """Print a row per parameter, in the first method's order, and a column per method."""
    by_method = [
        {row_key(row): row for row in method["rows"] if is_shown(row)} for method in methods
    ]
    keys = list(dict.fromkeys(key for found in by_method for key in found))
    rows = [
        [_name(*key), *(_share(found.get(key)) for found in by_method)]
        for key in sorted(keys, key=lambda key: key[1] != "sampled")  # stable: order kept within
    ]
    header = ["parameter"]
    for method in methods:
        chance = " chance" * any(row["null"] is not None for row in method["rows"])
        header.append(f"{method['title']} share [{method['level']:.0%}]{chance}")
    table(console, header, rows, left=header[:1])


def is_chance(row: Tree) -> bool:
    """Whether a share is not above its null value; False if it has none."""
    return row["null"] is not None and row["share"] <= row["null"]


def is_shown(row: Tree) -> bool:
    """Whether a row is shown: of interactions, only those with a share above the null value."""
    return row["role"] != "interaction" or not is_chance(row)


def row_key(row: Tree) -> tuple[str, str, tuple[str, ...]]:
    """What identifies a row of several methods' tables: its name, role and members."""
    return row["name"], row["role"], tuple(row["of"])


def _name(name: str, role: str, of: tuple[str, ...]) -> str:
    """A row's name, which distinguishes it from the sampled parameters."""
    match role:
        case "derived":
            return f"{name} (derived from {', '.join(of)})"
        case "group":
            return f"{' and '.join(of)} together"
        case "interaction":
            return f"interaction of {' and '.join(of)}"
        case "interactions":
            return "interactions (and noise)"
    return name


def _share(row: Tree | None) -> str:
    if row is None:
        return "-"
    chance = "" if row["null"] is None else f" {row['null']:.3f}"
    return f"{row['share']:.3f} [{row['low']:.3f}, {row['high']:.3f}]{chance}"


def _modules(report: Tree, console: Console) -> None:
    """Print each matrix's contribution, and which matrices cannot be distinguished."""
    if report["rows"]:
        line(console)
        rows = [
            [
                row["name"],
                f"{row['gain']:+.4f} [{row['gain_low']:+.4f}, {row['gain_high']:+.4f}]",
                f"{row['share']:.3f} [{row['low']:.3f}, {row['high']:.3f}]",
            ]
            for row in report["rows"]
        ]
        level = f"[{report['level']:.0%}]"
        header = [f"matrix of {report['parameter']}", f"gain {level}", f"Shapley share {level}"]
        table(console, header, rows, left=header[:1])
    for note in report["notes"]:
        line(console)
        line(console, f"{report['parameter']}: {note}", "yellow")


def _notes(report: Tree, console: Console) -> None:
    """Print each note once, with the methods that give it."""
    said: dict[str, list[str]] = {}
    for method in report["methods"]:
        for note in method["notes"]:
            said.setdefault(note, []).append(method["title"])
    everywhere = len(report["methods"])
    notes = [n if len(by) == everywhere else f"{', '.join(by)}: {n}" for n, by in said.items()]
    for note in (*notes, *report.get("notes", ())):
        line(console)
        line(console, note, "yellow")
