"""Where a study's code lies: the folders that Python needs on its path to import the objective.

A study file may lie in a folder in which Python does not look. So that a resume, from whatever
folder, imports what the first run imported, these folders are kept with the study.
"""

from __future__ import annotations

import sys
import sysconfig
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from importlib.machinery import PathFinder
from pathlib import Path
from typing import Any, Self

OWN = frozenset({"objectives.binding.objective:BindingObjective", "objectives.synthetic:Synthetic"})
"""The objectives that come with lorasweep."""

GRANTS = ("allow_pickle", "trust_remote_code")
"""Settings by which files may run code."""


@dataclass(frozen=True)
class Source:
    """The folders of a study's code.

    Attributes:
        study: that of the study's file, or the one in which its module was found; empty where a
            script gave the study.
        objective: that in which the objective was found; empty for an installed one.
    """

    study: str = ""
    objective: str = ""

    @classmethod
    def of(cls, study: str, objective: str) -> Self:
        """The folders as they are for this process.

        Args:
            study: as the attribute.
            objective: dotted name.
        """
        found = folder_of(objective)
        return cls(study, "" if is_own(objective) or _is_installed(found) else found)

    @classmethod
    def from_json(cls, tree: object) -> Self:
        """Read back what ``to_json`` wrote; of anything else nothing is known."""
        known: Mapping[str, Any] = tree if isinstance(tree, Mapping) else {}
        return cls(*(str(known.get(name, "")) for name in ("study", "objective")))

    def to_json(self) -> dict[str, str]:
        """A JSON tree."""
        return asdict(self)

    def put_on_path(self, objective: str) -> None:
        """Let Python find the code, in this process and its workers.

        The folders go last, so that they hide nothing; only where another module of the
        objective's name would be found, its folder goes first, as it did when the study was made.
        """
        for folder in (self.study, self.objective):
            put_last(folder)
        if self.objective and folder_of(objective) != self.objective:
            sys.path.insert(0, self.objective)


def put_last(folder: str) -> None:
    """Have Python look in a folder too, after all others."""
    if folder and folder not in sys.path:
        sys.path.append(folder)


def folder_of(dotted: str) -> str:
    """The folder in which Python finds a name's first package or module; nothing is imported.

    Args:
        dotted: ``package.module:Name``.

    Returns:
        An absolute path; empty where there is none.
    """
    top = dotted.partition(":")[0].partition(".")[0]
    try:
        found = PathFinder.find_spec(top)
    except (ImportError, ValueError, OSError):  # no name of a module, or no current folder
        return ""
    if found is None:
        return ""
    places = list(found.submodule_search_locations or ())
    place = places[0] if places else found.origin
    return str(Path(place).resolve().parent) if place else ""


def is_own(dotted: str) -> bool:
    """Whether a name is that of an objective of lorasweep's, and Python would import that one."""
    return dotted in OWN and folder_of(dotted) == str(Path(__file__).resolve().parents[2])


def _is_installed(folder: str) -> bool:
    """Whether a folder is one of this Python's own, which every run of it looks in."""
    own = {str(Path(path).resolve()) for path in sysconfig.get_paths().values()}
    return folder in own
