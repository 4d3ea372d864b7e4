"""Find a task by its name."""

from __future__ import annotations

import importlib
import pkgutil
from difflib import get_close_matches

import objectives.tasks
from objectives.lora.task import Task
from sweep.errors import SpecError, fault

_LABELLED = "residue_", "sequence_", "text_"


def task_names() -> list[str]:
    """The names of all tasks: the modules of this package that are named by what they label."""
    found = pkgutil.iter_modules(objectives.tasks.__path__)
    return sorted(each.name for each in found if each.name.startswith(_LABELLED))


def find_task(name: str) -> type[Task]:
    """The task of a name.

    Raises:
        SpecError: if there is none, listing those that there are.
    """
    names = task_names()
    if name not in names:
        close = get_close_matches(name, names, n=1)
        way_out = f"The nearest is {close[0]!r}" if close else ""
        text = fault("settings.task", f"be one of {', '.join(names)}", name, way_out=way_out)
        raise SpecError(text)
    task: type[Task] = importlib.import_module(f"{objectives.tasks.__name__}.{name}").TASK
    return task
