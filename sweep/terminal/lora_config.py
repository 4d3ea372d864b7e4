"""An adapter's ``peft.LoraConfig`` as Python code."""

from __future__ import annotations

import keyword
import math
from collections.abc import Mapping
from pprint import pformat
from typing import Any

from rich.console import Console
from rich.text import Text

from sweep.terminal.formatting import line
from sweep.terminal.printable import printable

WIDTH = 76
"""Line width; a longer list is broken after its bracket and between its items."""


def lora_config_lines(keywords: Mapping[str, Any]) -> list[str]:
    """The lines of a call of ``peft.LoraConfig``; lists of full paths take several lines.

    Example:
        >>> lora_config_lines({"r": 8, "target_modules": ["query"]})
        ['LoraConfig(', '    r=8,', "    target_modules=['query'],", ')']
    """
    named = {name: value for name, value in keywords.items() if _is_name(name)}
    others = {name: value for name, value in keywords.items() if name not in named}
    arguments = [_argument(f"{name}=", value) for name, value in named.items()]
    arguments += [_argument("**", others)] if others else []
    lines = "\n".join(arguments).splitlines()
    return ["LoraConfig(", *(f"    {each}" for each in lines), ")"]


def _is_name(name: str) -> bool:
    """Whether a name can be written as a keyword argument; Python normalises non-ASCII names."""
    return name.isidentifier() and name.isascii() and not keyword.iskeyword(name)


def _argument(start: str, value: Any) -> str:
    """One argument, as Python code for any JSON value."""
    if isinstance(value, str):  # pformat would split it
        return f"{start}{value!r},"
    shown = pformat(_finite(value), width=WIDTH - len(start) + 1, sort_dicts=False)
    if "\n" in shown:
        inner = shown[1:-1].replace("\n ", "\n    ")
        shown = f"{shown[0]}\n    {inner},\n{shown[-1]}"
    return f"{start}{shown},"


class _Float(float):
    """A float without a Python literal (NaN or infinity), shown as an expression."""

    def __repr__(self) -> str:
        return f"float('{float(self)!r}')"


def _finite(value: Any) -> Any:
    """The value, with floats that are not finite as ``_Float``."""
    if isinstance(value, float) and not math.isfinite(value):
        return _Float(value)
    if isinstance(value, Mapping):
        return {name: _finite(each) for name, each in value.items()}
    return [_finite(each) for each in value] if isinstance(value, (list, tuple)) else value


def print_lora_config(report: Mapping[str, Any], console: Console) -> None:
    """Print the ``LoraConfig`` of a snapshot's best trial, if the objective reported one."""
    best = report["best"]
    keywords = None if best is None else best.get("lora_config")
    if not isinstance(keywords, Mapping) or not keywords:
        return
    line(console)
    line(console, f"trial {best['number']} for peft:", "bold")
    for each in lora_config_lines(keywords):  # never wrapped: a broken string is no valid Python
        console.print(Text(printable(each)), soft_wrap=True)
