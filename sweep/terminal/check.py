"""The report of ``check``, as text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Console

from sweep.study.parameters import is_number
from sweep.terminal.formatting import line, number, table

Tree = Mapping[str, Any]


def print_check(report: Tree, console: Console) -> None:
    """Print what the objective's ``check`` returned, as indented lines.

    Its ``targets``, if any, become a table: target sets with ``label``, ``count``, ``modules`` and
    ``trainable_parameters`` by rank.
    """
    for name, value in report.items():
        if name != "targets":
            _tree(name, value, console, depth=0)
    if report.get("targets"):
        line(console)
        _targets(report, console)


def _tree(name: str, value: object, console: Console, depth: int) -> None:
    indent = "  " * depth
    if isinstance(value, Mapping):
        line(console, f"{indent}{name}" + ("" if value else "  -"))
        for key, branch in value.items():
            _tree(str(key), branch, console, depth + 1)
    elif isinstance(value, (list, tuple)):
        line(console, f"{indent}{name}  {', '.join(map(_inline, value)) or '-'}")
    else:
        line(console, f"{indent}{name}  {_size(name, value)}")


def _size(name: str, value: Any) -> str:
    """A value as text; in MiB if its name ends in ``_bytes``."""
    if name.endswith("_bytes") and is_number(value):
        return f"{value / 2**20:,.1f} MiB"
    return number(value)


def _inline(value: object) -> str:
    if isinstance(value, Mapping):
        return " ".join(f"{key}={_inline(branch)}" for key, branch in value.items())
    if isinstance(value, (list, tuple)):
        return "(" + ", ".join(map(_inline, value)) + ")"
    return number(value)


def _targets(report: Tree, console: Console) -> None:
    """Print one row per target set: its matched modules and trainable parameters per rank."""
    ranks = list(
        dict.fromkeys(rank for entry in report["targets"] for rank in entry["trainable_parameters"])
    )
    rows = [
        [
            entry["label"],
            str(entry["count"]),
            *(number(entry["trainable_parameters"].get(rank)) for rank in ranks),
            _first_and_last(entry["modules"]),
        ]
        for entry in report["targets"]
    ]
    header = ["targets", "matrices", *(f"trained at rank {rank}" for rank in ranks), "matched"]
    table(console, header, rows, left=("targets", "matched"))


def _first_and_last(modules: list[str]) -> str:
    """The first and last of a long list of module names."""
    return ", ".join(modules) if len(modules) < 3 else f"{modules[0]} ... {modules[-1]}"
