"""An adapter's configuration as Python to paste."""

from __future__ import annotations

from collections.abc import Mapping
from pprint import pformat
from typing import Any

from rich.console import Console
from rich.text import Text

from sweep.summary.cells import line

WIDTH = 76
"""Columns; a longer list is broken after its bracket and between its items."""


def lora_config_lines(keywords: Mapping[str, Any]) -> list[str]:
    """The lines of a call of ``peft.LoraConfig``; lists of full paths take several.

    Args:
        keywords: its arguments.

    Example:
        >>> lora_config_lines({"r": 8, "target_modules": ["query"]})
        ['LoraConfig(', '    r=8,', "    target_modules=['query'],", ')']
    """
    arguments = "\n".join(_argument(name, value) for name, value in keywords.items())
    return ["LoraConfig(", *(f"    {each}" for each in arguments.splitlines()), ")"]


def _argument(name: str, value: Any) -> str:
    if isinstance(value, str):  # of which pformat would make several
        return f"{name}={value!r},"
    shown = pformat(value, width=WIDTH - len(name), sort_dicts=False)
    if "\n" in shown:
        inner = shown[1:-1].replace("\n ", "\n    ")
        shown = f"{shown[0]}\n    {inner},\n{shown[-1]}"
    return f"{name}={shown},"


def print_lora_config(report: Mapping[str, Any], console: Console) -> None:
    """Print the best trial's, each line by itself, where the objective has told one.

    Args:
        report: as ``sweep.status.snapshot`` makes it.
        console: where to.
    """
    best = report["best"]
    keywords = None if best is None else best.get("lora_config")
    if not keywords:
        return
    line(console)
    line(console, f"trial {best['number']} for peft:", "bold")
    for each in lora_config_lines(keywords):  # never wrapped: a string cut in two is no Python
        console.print(Text(each), soft_wrap=True)
