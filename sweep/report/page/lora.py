"""The best configuration as Python that can be pasted."""

from __future__ import annotations

from markupsafe import Markup

from sweep.report.page.node import Node, plain, pointer
from sweep.summary.lora import lora_config_lines


def lora_code(node: Node) -> Markup:
    """The call with the import it needs, and the place of its arguments."""
    code = "\n".join(["from peft import LoraConfig", "", *lora_config_lines(plain(node))])
    return Markup('<code data-lora="{}">{}</code>').format(pointer(node), code)
