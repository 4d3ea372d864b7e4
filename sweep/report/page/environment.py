"""The Jinja environment of the page's templates, with their filters and globals.

Why Jinja and not a dashboard library: the page must stay one file that needs no server.
"""

from __future__ import annotations

from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from sweep.report.page import sections
from sweep.report.page.filters import FILTERS, interval, lora_code, named
from sweep.report.page.pointer import JsonPointerNode, entries, kind, maybe, plain, pointer, tabular
from sweep.report.page.security import json_script

MOST_BASELINES = 2
"""Largest number of baselines shown at the top of the page; a table has all."""


@cache
def environment() -> Environment:
    """Jinja environment with autoescaping and strict undefined names."""
    made = Environment(
        loader=PackageLoader("sweep.report.page"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= FILTERS | {
        "interval": interval,
        "named": named,
        "entries": entries,
        "maybe": maybe,
        "pointer": pointer,
        "first_of": lambda node: next(iter(node)),
        "all_scalars": lambda node: all(kind(child) in ("scalar", "null") for child in node),
        "tabular": tabular,
        "json_script": json_script,
        "lora_code": lora_code,
        "hundredths": hundredths,
        "spoken": sections.spoken,
        "told": sections.told,
        "trials": sections.trials,
        "methods": sections.methods,
        "importance_rows": sections.importance_rows,
        "above_chance": sections.above_chance,
        "cautions": sections.cautions,
    }
    made.globals |= {
        "most_items": sections.MOST_ITEMS,
        "most_failures": sections.MOST_FAILURES,
        "default_height": 440,
        "most_baselines": MOST_BASELINES,
    }
    return made


def hundredths(share: JsonPointerNode) -> Markup:
    """A share in [0, 1] as a coordinate in [0, 100]."""
    return Markup(f"{100 * plain(share):.1f}")  # noqa: S704 - a number
