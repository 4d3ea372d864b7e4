"""Which modules of a model a target set means: names in, full module paths out.

PEFT takes module-path *suffixes* and keeps silent about one that matches nothing as
long as another does, which is how a published adapter of "every weight matrix" came
to train query, key and value alone. Here every name must match, and what it matched
goes to PEFT as full paths, so that nothing is adapted by accident.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from torch import nn

from sweep.errors import TargetError, fault
from sweep.targets import canonical, members

ALIASES: Mapping[str, str] = {
    "query": "attention.self.query",
    "key": "attention.self.key",
    "value": "attention.self.value",
    "attention.output": "attention.output.dense",
    "mlp.up": "intermediate.dense",
    "mlp.down": "output.dense",
}
"""Short names for ESM and BERT layers, each for exactly one matrix per layer: as a plain
suffix ``output.dense`` would also be ``attention.output.dense``."""

UNUSED = ("contact_head", "pooler")
"""Parts of a loaded base that token classification never runs: adapting them trains nothing."""


@dataclass(frozen=True)
class ResolvedTargets:
    """What a target set means in one model.

    Attributes:
        targets: the set in canonical form.
        modules: full paths of the adapted modules, in the model's order.
        kinds: path below the layer (``attention.self.query``) to how many modules have it.
    """

    targets: str
    modules: tuple[str, ...]
    kinds: Mapping[str, int]


def resolve(model: nn.Module, targets: str, head: Sequence[str]) -> ResolvedTargets:
    """Find the modules that a target set names.

    Args:
        model: the token classifier; its weights may be on the meta device.
        targets: a target set as ``sweep.targets`` writes it.
        head: names of the model's head modules, which are trained in full.

    Raises:
        TargetError: with every name that matches nothing and what it could have matched.
    """
    return resolve_all(model, [targets], head)[canonical(targets)]


def resolve_all(
    model: nn.Module, sets: Iterable[str], head: Sequence[str]
) -> dict[str, ResolvedTargets]:
    """Resolve several target sets, by canonical form; see ``resolve``.

    Raises:
        TargetError: with the bad names of all sets at once.
    """
    paths = list(encoder_linears(model, head))
    resolved: dict[str, ResolvedTargets] = {}
    faults: dict[str, str] = {}
    for text in sets:
        found: set[str] = set()
        for name in members(text):
            matched = _matches(name, paths)
            found.update(matched)
            if not matched and name not in faults:
                faults[name] = _miss(model, name, canonical(text), paths, head)
        modules = tuple(path for path in paths if path in found)
        kinds = dict(Counter(kind(path) for path in modules))
        resolved[canonical(text)] = ResolvedTargets(canonical(text), modules, kinds)
    if faults:
        raise TargetError(list(faults.values()))
    return resolved


def encoder_linears(model: nn.Module, head: Sequence[str]) -> dict[str, nn.Linear]:
    """The linear layers that token classification runs through, but for the head, by path."""
    return {
        path: module
        for path, module in model.named_modules()
        if isinstance(module, nn.Linear) and not _inside(path, (*head, *UNUSED))
    }


def kind(path: str) -> str:
    """The part of a module path below its layer: what repeats from layer to layer.

    Example:
        >>> kind("esm.encoder.layer.0.attention.self.query")
        'attention.self.query'
    """
    parts = path.split(".")
    last_index = max((i for i, part in enumerate(parts) if part.isdecimal()), default=-1)
    return ".".join(parts[last_index + 1 :]) or path


def _matches(name: str, paths: Sequence[str]) -> list[str]:
    """Paths of an alias' kind, else paths that end in ``name`` on a component boundary."""
    aliased = [path for path in paths if kind(path) == ALIASES.get(name)]
    return aliased or [path for path in paths if f".{path}".endswith(f".{name}")]


def _inside(path: str, modules: Iterable[str]) -> bool:
    """Whether a module path lies in one of the named modules, at any depth."""
    return any(f".{module}." in f".{path}." for module in modules)


def _miss(
    model: nn.Module, name: str, targets: str, paths: Sequence[str], head: Sequence[str]
) -> str:
    """Say why a name matched nothing and what would have."""
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
    """Where the modules are, if ``name`` starts with a class name as printed by PyTorch."""
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
        short = next((alias for alias, path in ALIASES.items() if path == kind(hit)), None)
        also = f" (alias {short!r})" if short else ""
        place = f"has the path {kind(hit)!r}{also}"
    return f"{cls!r} is a class, not a module path; this one {place}. "


def _options(name: str, paths: Sequence[str]) -> list[tuple[str, int]]:
    """The kinds of the model with their counts, those spelt most like ``name`` first."""
    counts = Counter(kind(path) for path in paths)
    return sorted(counts.items(), key=lambda item: -SequenceMatcher(None, name, item[0]).ratio())
