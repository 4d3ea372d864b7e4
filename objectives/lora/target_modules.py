"""Resolve target sets, such as ``query+value``, to full module paths of a model.

PEFT takes module-path *suffixes* and ignores one that matches nothing as long as another
matches; a published adapter of "every weight matrix" thus trained query, key and value only.
Here every name must match, and PEFT gets full paths, so that no other module is adapted.

A role is looked up by the module path below the transformer layer, in one table for the encoders
of ``transformers``. Shapes do not identify roles: query, key and value have the same shape, and so
have an MLP's gate and up projection. A path that is not in the table has no role.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from torch import nn

from sweep.errors import TargetError, fault
from sweep.study.targets import GROUPS, canonical, members

QUERY, KEY, VALUE = "query", "key", "value"
OUTPUT = "attention.output"
UP, GATE, DOWN = "mlp.up", "mlp.gate", "mlp.down"

_PATHS: Mapping[tuple[str, ...], str] = {
    (QUERY,): "attention.self.query attention.self.query_proj attention.query attention.attn.q "
    "attention.q_lin q_lin attention.q_head self_attn.q_proj SelfAttention.q",
    (KEY,): "attention.self.key attention.self.key_proj attention.key attention.attn.k "
    "attention.k_lin k_lin attention.k_head self_attn.k_proj SelfAttention.k",
    (VALUE,): "attention.self.value attention.self.value_proj attention.value attention.attn.v "
    "attention.v_lin v_lin attention.v_head self_attn.v_proj SelfAttention.v",
    (QUERY, KEY, VALUE): "attention.self.in_proj attn.Wqkv self_attn.qkv_proj",
    (OUTPUT,): "attention.output.dense attention.dense attention.attn.o attention.out_lin out_lin "
    "attention.post_proj self_attn.o_proj SelfAttention.o attn.Wo",
    (UP,): "intermediate.dense ffn ffn.lin1 lin1 ffn.linear_1 ff.layer_1 mlp.up_proj mlp.fc1 "
    "DenseReluDense.wi DenseReluDense.wi_1",
    (GATE,): "mlp.gate_proj DenseReluDense.wi_0",
    (GATE, UP): "mlp.Wi mlp.gate_up_proj",
    (DOWN,): "output.dense ffn_output ffn.lin2 lin2 ffn.linear_2 ff.layer_2 mlp.down_proj mlp.fc2 "
    "DenseReluDense.wo mlp.Wo",
}
"""Module paths below a transformer layer, by their roles. A matrix with several roles is fused:
it computes several projections in one product."""

ROLES: Mapping[str, tuple[str, ...]] = {
    path: roles for roles, paths in _PATHS.items() for path in paths.split()
}
"""Roles of a linear layer, by its module path below the transformer layer."""

NAMES = tuple(dict.fromkeys(role for roles in _PATHS for role in roles))  # names of all roles


def kind(path: str) -> str:
    """The part of a module path after its last layer index, the same in every layer.

    Example:
        >>> kind("esm.encoder.layer.0.attention.self.query")
        'attention.self.query'
    """
    parts = path.split(".")
    last_index = max((i for i, part in enumerate(parts) if part.isdecimal()), default=-1)
    return ".".join(parts[last_index + 1 :]) or path


def roles_of(path: str) -> tuple[str, ...]:
    """The roles of the linear layer at a path: several if it is fused, none if unknown.

    Example:
        >>> roles_of("model.layers.3.attn.Wqkv")
        ('query', 'key', 'value')
    """
    return ROLES.get(kind(path), ())


EVERY = frozenset(GROUPS["all-linear"])
"""A set with all of these names means every linear layer, including those without a role, like
PEFT's ``all-linear``."""

UNUSED = ("contact_head", "pooler")  # token classification does not run them: never adapted


@dataclass(frozen=True)
class ResolvedTargets:
    """The modules of one model that a target set names."""

    targets: str  # the set in canonical form
    modules: tuple[str, ...]  # full paths of the adapted modules, in the model's order
    kinds: Mapping[str, int]  # number of modules by path below the layer (``attention.self.query``)


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
        if isinstance(module, nn.Linear) and not inside(path, (*head, *UNUSED))
    }


def _wanted(text: str) -> set[str]:
    """The names of a set; the gate projection is added if it has both ``mlp`` projections."""
    wanted = {*members(text)}
    return wanted | {GATE} if wanted.issuperset(GROUPS["mlp"]) else wanted


def _matches(name: str, wanted: set[str], paths: Sequence[str]) -> list[str]:
    """Paths whose role is ``name``, else paths that end in it; all paths for a set of ``EVERY``."""
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


def inside(path: str, modules: Iterable[str]) -> bool:
    """Whether a module path is, or is below, one of the named modules, at any depth."""
    return any(f".{module}." in f".{path}." for module in modules)


def _miss(
    model: nn.Module, name: str, targets: str, paths: Sequence[str], head: Sequence[str]
) -> str:
    """The error message for a name that matched nothing, with the names that would match."""
    everything = [path for path, _ in model.named_modules()]
    ends = [path for path in everything if f".{path}".endswith(f".{name}")]
    where = f"target set {targets!r}"
    if name in head or any(inside(path, head) for path in ends):
        rule = "not name the head, which every trial trains in full"
        return fault("a target", rule, name, where=where, way_out=f"Remove {name!r}")
    hint = _class_hint(model, name, paths)
    options = ", ".join(f"{option} ({count})" for option, count in _options(name, paths))
    way_out = f"{hint}It could have matched: {options}"
    if not hint and any(inside(path, UNUSED) for path in ends):
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
