"""A bad input: its files and its command line.

The expected messages are in ``messages.json``, one per name.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

Make = Callable[[Path], None]
"""Creates the files of a case in a folder."""

STUDY = """\
from sweep import Baseline, Budget, Choice, Claim, Design, Float, Int, Pruner, Sampler, Space
from sweep import StudySpec, TargetSets
from sweep.study.design import Pilot
from sweep.study.spec_parts import Policy

STUDY = StudySpec(
    **{
        "name": "toy",
        "objective": "objectives.synthetic:Synthetic",
        "space": Space({"x1": Choice(1, 2, 4, 8), "x2": Int(1, 4)}),
        "budget": Budget(trials=2),
        **dict(CHANGES),
    }
)
"""


def study(changes: str = "") -> str:
    """The text of a study file that is valid except for these keyword arguments."""
    return STUDY.replace("CHANGES", changes)


def nothing(folder: Path) -> None:
    """Create no additional files."""
    del folder


@dataclass(frozen=True)
class Case:
    """One bad input.

    Attributes:
        name: the fault.
        arguments: the command line; ``{folder}`` is replaced by the case's folder.
        study: the text of its ``study.py``.
        make: creates further files, beside ``study.db`` with a study "toy" of two trials.
    """

    name: str
    arguments: tuple[str, ...]
    study: str = study()
    make: Make = nothing


def typed(name: str, line: str, make: Make = nothing) -> Case:
    """The arguments of a command line without blanks inside arguments."""
    return Case(name, tuple(line.split()), make=make)


def spec(name: str, changes: str) -> Case:
    """A case with a study file whose spec is bad."""
    return Case(f"spec: {name}", ("check", "study.py"), study(changes))


def file(name: str, text: str) -> Case:
    """A case with a study file that is bad Python, or holds no study."""
    return Case(f"study file: {name}", ("check", "study.py"), text)
