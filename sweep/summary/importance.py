"""Importance as one table, the methods side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console

from sweep.summary.cells import line, table
from sweep.summary.history import print_history

Tree = Mapping[str, Any]


def print_importance(report: Tree, console: Console) -> None:
    """Print an importance report.

    Args:
        report: as ``ImportanceReport.to_json`` makes it; ``study`` and ``storage`` are shown
            when there.
        console: where to.
    """
    if "study" in report:
        line(console, f"study      {report['study']}", "bold")
    if "storage" in report:
        line(console, f"storage    {report['storage']}")
    line(console, f"trials     {_trials(report)}")
    print_history(report, console)
    for dropped in report.get("dropped", ()):
        line(console, f"           trial {dropped['number']} left out: {dropped['reason']}")
    methods: Sequence[Tree] = report["methods"]
    line(console)
    for method in methods:
        line(console, f"{method['title']:<10} {method['question']}")
    if any(method["rows"] for method in methods):
        line(console)
        _shares(methods, console)
    _notes(report, console)


def _trials(report: Tree) -> str:
    """How many trials the shares rest on, and how many they do not."""
    counts = report["counts"]
    rest = [
        f"{counts.get(state, 0)} {word}"
        for state, word in (("FAIL", "failed"), ("PRUNED", "pruned"))
    ]
    return f"{report['n']} used, {', '.join(rest)}"


def _shares(methods: Sequence[Tree], console: Console) -> None:
    """A row per parameter in the first method's order; a column per method."""
    keys = list(dict.fromkeys(_key(row) for method in methods for row in method["rows"]))
    by_method = [{_key(row): row for row in method["rows"]} for method in methods]
    rows = [
        [_name(*key), *(_share(found.get(key)) for found in by_method)]
        for key in sorted(keys, key=lambda key: key[1] != "sampled")  # stable: order kept within
    ]
    levels = [f"{m['title']} share [{m['level']:.0%}]" for m in methods]
    table(console, ["parameter", *levels], rows, left=("parameter",))


def _key(row: Tree) -> tuple[str, str, tuple[str, ...]]:
    return row["name"], row["role"], tuple(row["of"])


def _name(name: str, role: str, of: tuple[str, ...]) -> str:
    """A row's name, with what sets it apart from the sampled parameters."""
    match role:
        case "derived":
            return f"{name} (derived from {', '.join(of)})"
        case "group":
            return f"{' and '.join(of)} together"
        case "interactions":
            return "interactions (and noise)"
    return name


def _share(row: Tree | None) -> str:
    if row is None:
        return "-"
    return f"{row['share']:.3f} [{row['low']:.3f}, {row['high']:.3f}]"


def _notes(report: Tree, console: Console) -> None:
    """Each caution once, said by the methods that raise it."""
    said: dict[str, list[str]] = {}
    for method in report["methods"]:
        for note in method["notes"]:
            said.setdefault(note, []).append(method["title"])
    everywhere = len(report["methods"])
    notes = [n if len(by) == everywhere else f"{', '.join(by)}: {n}" for n, by in said.items()]
    for note in (*notes, *report.get("notes", ())):
        line(console)
        line(console, note, "yellow")
