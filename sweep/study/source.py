"""The folders of a study's code, stored so that a resume from any folder imports the same code."""

from __future__ import annotations

import sys
import sysconfig
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from importlib.machinery import PathFinder
from pathlib import Path
from typing import Any, Self

OWN = frozenset(
    {
        "objectives.binding.objective:BindingObjective",
        "objectives.synthetic:Synthetic",
        "objectives.tasks.objective:LoraObjective",
    }
)
"""The objectives that are part of lorasweep."""

GRANTS = ("allow_pickle", "trust_remote_code")
"""Settings that allow files to run code."""


@dataclass(frozen=True)
class Source:
    """The folders of a study's code.

    Attributes:
        study: the folder of the study's file or module; empty for a study defined in a script.
        objective: the folder of the objective's module; empty for an installed one.
    """

    study: str = ""
    objective: str = ""

    @classmethod
    def of(cls, study: str, objective: str) -> Self:
        """The folders as found by this process.

        Args:
            study: as for the attribute.
            objective: dotted name of the objective.
        """
        found = folder_of(objective)
        return cls(study, "" if is_own(objective) or _is_installed(found) else found)

    @classmethod
    def from_json(cls, tree: object) -> Self:
        """Read back what ``to_json`` wrote; anything else gives empty folders."""
        known: Mapping[str, Any] = tree if isinstance(tree, Mapping) else {}
        return cls(*(str(known.get(name, "")) for name in ("study", "objective")))

    def to_json(self) -> dict[str, str]:
        """A JSON tree."""
        return asdict(self)

    def put_on_path(self, objective: str) -> None:
        """Add the folders to ``sys.path``, for this process and its workers.

        They are appended, so that they hide no other module. If the objective's name would then
        resolve to another module, its folder is put first, as it was when the study was made.
        """
        for folder in (self.study, self.objective):
            put_last(folder)
        if self.objective and folder_of(objective) != self.objective:
            sys.path.insert(0, self.objective)


def put_last(folder: str) -> None:
    """Append a folder to ``sys.path``, unless it is there."""
    if folder and folder not in sys.path:
        sys.path.append(folder)


def folder_of(dotted: str) -> str:
    """The folder in which Python finds a name's top-level package; imports nothing.

    Args:
        dotted: ``package.module:Name``.

    Returns:
        An absolute path; empty if there is none.
    """
    top = dotted.partition(":")[0].partition(".")[0]
    try:
        found = PathFinder.find_spec(top)
    except (ImportError, ValueError, OSError):  # not a module's name, or no current folder
        return ""
    if found is None:
        return ""
    places = list(found.submodule_search_locations or ())
    place = places[0] if places else found.origin
    return str(Path(place).resolve().parent) if place else ""


def is_own(dotted: str) -> bool:
    """Whether a name is one of lorasweep's objectives, and Python would import that one."""
    return dotted in OWN and folder_of(dotted) == str(Path(__file__).resolve().parents[2])


def _is_installed(folder: str) -> bool:
    return folder in {str(Path(path).resolve()) for path in sysconfig.get_paths().values()}
