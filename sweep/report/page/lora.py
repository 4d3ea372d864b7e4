"""The best configuration as Python that can be pasted."""

from __future__ import annotations

from collections.abc import Mapping
from pprint import pformat
from typing import Any

from markupsafe import Markup

from sweep.report.page.node import Node, plain, pointer

WIDTH = 76
"""Columns; longer lists are wrapped."""


def lora_config(config: Mapping[str, Any]) -> str:
    """``LoraConfig(...)`` with these arguments, and the import it needs.

    Example:
        >>> print(lora_config({"r": 8, "target_modules": ["query", "value"]}))
        from peft import LoraConfig
        <BLANKLINE>
        LoraConfig(
            r=8,
            target_modules=['query', 'value'],
        )
    """
    lines = [_argument(name, value) for name, value in config.items()]
    body = "\n".join(f"    {line}" for line in "\n".join(lines).splitlines())
    return f"from peft import LoraConfig\n\nLoraConfig(\n{body}\n)"


def lora_code(node: Node) -> Markup:
    """The same for the page, with the place of the arguments."""
    html = Markup('<code data-lora="{}">{}</code>')
    return html.format(pointer(node), lora_config(plain(node)))


def _argument(name: str, value: Any) -> str:
    """One argument; what does not fit a line is broken after its bracket."""
    shown = pformat(value, width=WIDTH - len(name), sort_dicts=False)
    if "\n" in shown and shown[0] in "[{(":
        inner = shown[1:-1].replace("\n ", "\n    ")
        shown = f"{shown[0]}\n    {inner},\n{shown[-1]}"
    return f"{name}={shown},"
