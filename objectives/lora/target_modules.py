"""Resolve target sets, such as ``query+value``, to full module paths of a model.

PEFT takes module-path *suffixes* and ignores one that matches nothing as long as another
matches; a published adapter of "every weight matrix" thus trained query, key and value only.
Here every name must match, and PEFT gets full paths, so that no other module is adapted.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from torch import nn

from objectives.lora.roles import GATE, kind, roles_of
from sweep.errors import TargetError, fault
from sweep.study.targets import GROUPS, canonical, members

EVERY = frozenset(GROUPS["all-linear"])
"""A set with all of these names means every linear layer, including those without a role, like
PEFT's ``all-linear``."""

UNUSED = ("contact_head", "pooler")
"""Modules of a loaded base that token classification does not run; they are never adapted."""


@dataclass(frozen=True)
class ResolvedTargets:
    """The modules of one model that a target set names.

    Attributes:
        targets: the set in canonical form.
        modules: full paths of the adapted modules, in the model's order.
        kinds: number of modules by path below the layer (``attention.self.query``).
    """

    targets: str
    modules: tuple[str, ...]
    kinds: Mapping[str, int]


def resolve(model: nn.Module, targets: str, head: Sequence[str]) -> ResolvedTargets:
    """Find the modules that a target set names.

    Args:
        model: the token classifier; its weights may be on the meta device.
        targets: a target set in the syntax of ``sweep.study.targets``.
        head: names of the model's head modules, which are trained in full.

    Raises:
        TargetError: with every name that matches nothing, and the names that would match.
    """
    return resolve_all(model, [targets], head)[canonical(targets)]


def resolve_all(
    model: nn.Module, sets: Iterable[str], head: Sequence[str]
) -> dict[str, ResolvedTargets]:
    """Resolve several target sets; see ``resolve``.

    Returns:
        The resolved sets by canonical form.

    Raises:
        TargetError: with the unresolved names of all sets.
    """
    paths = list(encoder_linears(model, head))
    sets = list(sets)
    if not paths and any(map(members, sets)):
        rule = "have linear layers (nn.Linear) in its encoder, for adapters to be put on"
        raise TargetError(fault("the base", rule, type(model).__name__))
    resolved: dict[str, ResolvedTargets] = {}
    faults: dict[str, str] = {}
    for text in sets:
        targets, wanted = canonical(text), _wanted(text)
        torn = _torn(wanted, paths)
        for roles, path in torn.items():
            some = "+".join(role for role in roles if role in wanted)
            faults.setdefault(some, _torn_fault(roles, path, some, targets))
        found: set[str] = set()
        for name in sorted(wanted.difference(*torn)):
            matched = _matches(name, wanted, paths)
            found.update(matched)
            if not matched and name in members(text) and name not in faults:
                faults[name] = _miss(model, name, targets, paths, head)
        modules = tuple(path for path in paths if path in found)
        kinds = dict(Counter(kind(path) for path in modules))
        resolved[targets] = ResolvedTargets(targets, modules, kinds)
    if faults:
        raise TargetError(list(faults.values()))
    return resolved


def encoder_linears(model: nn.Module, head: Sequence[str]) -> dict[str, nn.Linear]:
    """The linear layers that token classification runs, except the head, by module path."""
    return {
        path: module
        for path, module in model.named_modules()
        if isinstance(module, nn.Linear) and not _inside(path, (*head, *UNUSED))
    }


def _wanted(text: str) -> set[str]:
    """The names of a set; the gate projection is added if it has both ``mlp`` projections."""
    wanted = {*members(text)}
    return wanted | {GATE} if wanted.issuperset(GROUPS["mlp"]) else wanted


def _matches(name: str, wanted: set[str], paths: Sequence[str]) -> list[str]:
    """Paths whose role is ``name``, else paths that end in ``name`` at a component boundary.

    Args:
        name: one of ``wanted``.
        wanted: all names of the set; if it holds all of ``EVERY``, all paths match.
        paths: the linear layers of the encoder.
    """
    if name in EVERY and wanted >= EVERY:
        return list(paths)
    named = [path for path in paths if name in roles_of(path)]
    return named or [path for path in paths if f".{path}".endswith(f".{name}")]


def _torn(wanted: set[str], paths: Sequence[str]) -> dict[tuple[str, ...], str]:
    """Fused matrices of which a set names some roles but not all: roles to an example path."""
    roles = {roles_of(path): path for path in reversed(paths)}
    return {each: roles[each] for each in roles if 0 < len(wanted & {*each}) < len(each)}


def _torn_fault(roles: Sequence[str], path: str, some: str, targets: str) -> str:
    """The error message for a set that names only a part of a fused matrix."""
    fused = f"{', '.join(roles[:-1])} and {roles[-1]}"
    rule = f"not be a part of a matrix, and here {fused} are fused in {kind(path)!r}"
    name = next((n for n, group in GROUPS.items() if group == roles), "+".join(roles))
    where = f"target set {targets!r}"
    return fault("a target", rule, some, where=where, way_out=f"Use {name!r} for all of it")


def _inside(path: str, modules: Iterable[str]) -> bool:
    """Whether a module path is, or is below, one of the named modules, at any depth."""
    return any(f".{module}." in f".{path}." for module in modules)


def _miss(
    model: nn.Module, name: str, targets: str, paths: Sequence[str], head: Sequence[str]
) -> str:
    """The error message for a name that matched nothing, with the names that would match."""
    everything = [path for path, _ in model.named_modules()]
    ends = [path for path in everything if f".{path}".endswith(f".{name}")]
    where = f"target set {targets!r}"
    if name in head or any(_inside(path, head) for path in ends):
        rule = "not name the head, which every trial trains in full"
        return fault("a target", rule, name, where=where, way_out=f"Remove {name!r}")
    hint = _class_hint(model, name, paths)
    options = ", ".join(f"{option} ({count})" for option, count in _options(name, paths))
    way_out = f"{hint}It could have matched: {options}"
    if not hint and any(_inside(path, UNUSED) for path in ends):
        rule = "name a matrix that token classification runs through"
    else:
        rule = "match a linear layer of the model"
    return fault("a target", rule, name, where=where, way_out=way_out)


def _class_hint(model: nn.Module, name: str, paths: Sequence[str]) -> str:
    """A hint with the module path, if ``name`` starts with a class name as PyTorch prints it."""
    cls, _, rest = name.partition(".")
    found = [
        f"{path}.{rest}" if rest else path
        for path, module in model.named_modules()
        if type(module).__name__ == cls
    ]
    if not found:
        return ""
    hit = next((path for path in found if path in paths), None)
    if hit is None:
        place = f"is at {found[0]!r}, which token classification does not run through"
    else:
        roles = roles_of(hit)
        also = f" (alias {'+'.join(roles)!r})" if roles else ""
        place = f"has the path {kind(hit)!r}{also}"
    return f"{cls!r} is a class, not a module path; this one {place}. "


def _options(name: str, paths: Sequence[str]) -> list[tuple[str, int]]:
    """Paths below the layer with their counts, sorted by similarity of spelling to ``name``."""
    counts = Counter(kind(path) for path in paths)
    return sorted(counts.items(), key=lambda item: -SequenceMatcher(None, name, item[0]).ratio())


def short_names(modules: Sequence[str], everything: Iterable[str]) -> list[str] | str:
    """A short ``target_modules`` for PEFT that matches exactly the given modules.

    PEFT takes a list of suffixes (``query`` is ``….attention.self.query`` of every layer), or one
    regular expression for full paths. Returns the shortest suffixes if they are no more than the
    kinds of matrices; else a regular expression over the kinds, if one matches exactly
    (``output.dense`` without ``attention.output.dense``); else the full paths.

    Args:
        modules: full paths of the adapted modules.
        everything: full paths of all modules of the model, including ``modules``.
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
    """The shortest suffixes that match the modules and no other; None if there are none."""
    wanted = set(modules)
    strangers = Counter(end for path in paths if path not in wanted for end in _ends(path))
    chosen = []
    for path in modules:
        free = next((end for end in _ends(path) if not strangers[end]), None)
        if free is None:  # this full path is a suffix of another module's path
            return None
        chosen.append(free)
    names = list(dict.fromkeys(chosen))
    return [
        name for name in names if not any(f".{name}".endswith(f".{n}") for n in names if n != name)
    ]


def _ends(path: str) -> Iterator[str]:
    """The suffixes of a path at component boundaries, shortest first."""
    parts = path.split(".")
    return (".".join(parts[i:]) for i in range(len(parts) - 1, -1, -1))
