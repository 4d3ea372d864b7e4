"""Write the reference pages that come from the code: ``python docs/generate.py``.

The command's options are read from its declaration, settings and fields of a study from their
dataclasses, so that the pages cannot differ from the code. A test compares the committed pages.
"""  # noqa: INP001 - a script beside the pages, no package

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping
from dataclasses import MISSING, Field, fields
from pathlib import Path
from typing import Any

from typer import Context
from typer.main import get_command

from objectives.data.options import DataOptions
from objectives.lora.settings import BindingSettings, LoraSettings
from sweep.cli.main import APP
from sweep.study.claim import Claim
from sweep.study.design import Design, Pilot
from sweep.study.parameters import Choice, Float, Int, TargetSets
from sweep.study.space import Space
from sweep.study.spec import StudySpec
from sweep.study.spec_parts import Baseline, Budget, Policy, Pruner, Sampler

REFERENCE = Path(__file__).parent / "reference"

NOTE = "<!-- Written by docs/generate.py (make docs) from the code; do not edit. -->\n"

STUDY_RECORDS = (
    StudySpec,
    Space,
    Choice,
    Int,
    Float,
    TargetSets,
    Sampler,
    Pruner,
    Budget,
    Policy,
    Baseline,
    Design,
    Pilot,
    Claim,
)
"""The records that a study file is made of, in the order of the page."""


def cli_page() -> str:
    """The page of all verbs and their options."""
    command: Any = get_command(APP)
    shown = (line for line in command.epilog.splitlines() if line != "\b")
    lines = [NOTE, "# The command", "", command.help, "", "```text", *shown, "```", ""]
    lines += _options(command)
    for name, verb in command.commands.items():
        lines += [f"## lorasweep {name}", "", verb.help, "", *_options(verb)]
        for inner, action in getattr(verb, "commands", {}).items():
            lines += [f"### lorasweep {name} {inner}", "", action.help, "", *_options(action)]
    return "\n".join(lines).rstrip() + "\n"


def settings_page() -> str:
    """The page of an objective's settings and of the records of a study."""
    known = {each.name: each for each in fields(BindingSettings)}
    meaning = attributes(LoraSettings) | attributes(DataOptions)
    sampled = [name for name, each in known.items() if "sampled" in each.metadata]
    flags = {"skip_bad", "allow_pickle"}  # of the command that describes data
    data = {each.name for each in fields(DataOptions)} - flags
    lines = [NOTE, "# Settings and study fields", ""]
    lines += [
        "Settings of `objectives.binding.objective:BindingObjective`.",
        "A study gives them as `settings={...}`, a command as `--set NAME=VALUE`.",
        "",
        "## Settings that a study may sample",
        "",
        "Each may be a parameter of the space, by the same name.",
        "",
        *_settings(sampled, known, meaning),
        "## Settings that are fixed for a study",
        "",
        *_settings([name for name in known if name not in sampled], known, meaning),
        "`lorasweep data describe --set` takes those of the data: "
        + ", ".join(f"`{name}`" for name in known if name in data)
        + ".",
        "",
        "## Records of a study",
        "",
        "The records of a study file; import them from `sweep` or the module named.",
        "",
    ]
    for record in STUDY_RECORDS:
        lines += _record(record)
    return "\n".join(lines).rstrip() + "\n"


PAGES = {"cli.md": cli_page, "settings.md": settings_page}
"""Each page of ``docs/reference`` that is generated, and what makes it."""


def attributes(record: type) -> dict[str, str]:
    """The descriptions in the ``Attributes`` or ``Args`` section of a class docstring."""
    text = inspect.getdoc(record) or ""
    section = re.search(r"^(?:Attributes|Args):\n((?: +.*\n?|\n)+)", text, flags=re.MULTILINE)
    found: dict[str, str] = {}
    name = ""
    for line in (section[1] if section else "").splitlines():
        entry = re.match(r"    \*?(\w+): (.*)", line)
        if entry:
            name = entry[1]
            found[name] = entry[2]
        elif name and line.strip():
            found[name] += " " + line.strip()
    return found


def _options(command: Any) -> list[str]:
    """A table of what one verb takes, as its help says it."""
    rows = [
        _row(f"`{typed}`", meaning)
        for parameter in sorted(command.params, key=lambda each: each.param_type_name)
        for typed, meaning in [parameter.get_help_record(Context(command))]
    ]
    return [*_table("option", "meaning"), *rows, ""] if rows else []


def _settings(
    names: list[str], known: Mapping[str, Field[Any]], meaning: Mapping[str, str]
) -> list[str]:
    rows = [
        _row(f"`{name}`", f"`{known[name].default!r}`", known[name].metadata["rule"], meaning[name])
        for name in names
    ]
    return [*_table("setting", "default", "must", "meaning"), *rows, ""]


def _record(record: type) -> list[str]:
    """A record's first sentence and its fields."""
    first = (inspect.getdoc(record) or "").split("\n\n")[0].replace("\n", " ")
    lines = [f"### {record.__name__}", "", f"{_plain(first)} `{record.__module__}`", ""]
    meaning = attributes(record)
    defaults = {each.name: _default(each) for each in fields(record)}
    rows = [
        _row(f"`{name}`", defaults.get(name, ""), described) for name, described in meaning.items()
    ]
    return [*lines, *_table("field", "default", "meaning"), *rows, ""] if rows else lines


def _default(each: Field[Any]) -> str:
    if each.default is not MISSING:
        return f"`{each.default!r}`"
    if each.default_factory is not MISSING:
        return f"`{each.default_factory()!r}`"
    return "required"


def _plain(text: str) -> str:
    return text.replace("``", "`")


def _table(*names: str) -> list[str]:
    return [_row(*names), _row(*["---"] * len(names))]


def _row(*cells: str) -> str:
    return "| " + " | ".join(_plain(cell).replace("|", "\\|") for cell in cells) + " |"


if __name__ == "__main__":
    for page, make in PAGES.items():
        (REFERENCE / page).write_text(make(), encoding="utf-8")
