"""Module names for PEFT that a person would write, and that match what was adapted, no more."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from objectives.binding.roles import kind


def short_names(modules: Sequence[str], everything: Iterable[str]) -> list[str] | str:
    """What to give PEFT as ``target_modules`` to adapt some modules of a model, and no others.

    PEFT takes a list of endings (``query`` is ``….attention.self.query`` of every layer), or one
    regular expression for whole paths. The shortest endings are given where few are enough, as
    many as there are kinds of matrices or fewer; else an expression, where one over the kinds
    does it (``output.dense`` without ``attention.output.dense``); else the full paths.

    Args:
        modules: full paths of the adapted modules.
        everything: full paths of all modules of the model, these among them.
    """
    paths = set(everything)
    kinds = list(dict.fromkeys(map(kind, modules)))
    endings = _endings(modules, paths)
    if endings is not None and len(endings) <= len(kinds):
        return endings
    escaped = "|".join(map(re.escape, kinds))
    pattern = rf".*\.\d+\.({escaped})" if len(kinds) > 1 else rf".*\.\d+\.{escaped}"
    if {path for path in paths if re.fullmatch(pattern, path)} == set(modules):
        return pattern
    return list(modules)


def _endings(modules: Sequence[str], paths: Iterable[str]) -> list[str] | None:
    """The shortest ending of each module that no other module shares, without those in vain."""
    wanted = set(modules)
    strangers = Counter(end for path in paths if path not in wanted for end in _ends(path))
    chosen = []
    for path in modules:
        free = next((end for end in _ends(path) if not strangers[end]), None)
        if free is None:  # another module's path ends in this whole one
            return None
        chosen.append(free)
    names = list(dict.fromkeys(chosen))
    return [
        name for name in names if not any(f".{name}".endswith(f".{n}") for n in names if n != name)
    ]


def _ends(path: str) -> Iterator[str]:
    """A path's endings at component boundaries, the shortest first."""
    parts = path.split(".")
    return (".".join(parts[i:]) for i in range(len(parts) - 1, -1, -1))
