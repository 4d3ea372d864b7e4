"""Claims: the hypotheses that a study tests, fixed before its first trial."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sweep.errors import SpecError, fault
from sweep.study.native import make_native
from sweep.study.rules import above, field_faults, ruled

Group = tuple[str, ...]
"""Parameters analysed together as one group."""

Part = str | Group
"""One parameter, or a group of parameters."""

COUPLED = ("rank", "alpha", "scaling")
"""Parameters of which any two determine the third.

The effect of one therefore depends on which other one is held fixed. A study that samples alpha can
only test rank and alpha as a group.
"""


@dataclass(frozen=True)
class Claim:
    """The hypothesis that one parameter dominates others and that these are negligible.

    Attributes:
        dominant: the parameter claimed to matter, or a group of them.
        over: what it is claimed to dominate: parameters, or groups of them as tuples. Rank and
            scaling are analysed as one group, whichever of them is sampled.
        negligible: what is claimed not to matter; empty to claim dominance alone.
        delta: the smallest relevant effect, in the objective's unit, over a parameter's whole
            range.
        kappa: how many times the variance of each of ``over`` the dominant one must explain.
        nuisances: parameters to be tuned separately for each choice of the dominant one. The claim
            must hold both averaged over them and at the best value for each choice.
        name: the claim's name; empty for a sentence made from the rest.
    """

    dominant: Part = "targets"
    over: tuple[Part, ...] = ("rank", "scaling")
    negligible: tuple[Part, ...] = ("rank", "scaling")
    delta: float = ruled(0.01, "be a number above 0", above(0))
    kappa: float = ruled(2.0, "be a number of 1 or more", above(1 - 1e-12))
    nuisances: tuple[str, ...] = ("learning_rate",)
    name: str = ""

    def __post_init__(self) -> None:
        """Convert the fields to plain Python values."""
        make_native(self)

    def __str__(self) -> str:
        """The claim in one sentence."""
        if self.name:
            return self.name
        said = f"{joined(as_group(self.dominant))} dominates {_listed(self.over)}"
        if not self.negligible:
            return said
        same = {as_group(part) for part in self.over} == {as_group(p) for p in self.negligible}
        those = "which are" if same else f"and {_listed(self.negligible)} are"
        return f"{said}, {those} negligible"

    def faults(self, where: str = "claims") -> list[str]:
        """All faults, one sentence each."""
        return [*self._name_faults(where), *field_faults(self, where)]

    def _name_faults(self, where: str) -> Iterator[str]:
        for name in ("over", "negligible", "nuisances"):
            parts = getattr(self, name)
            if not isinstance(parts, tuple) or not all(map(_is_part, parts)):
                way_out = f'For example {name}=("rank", "scaling")'
                rule = "be a tuple of parameter names"
                yield fault(f"{where}.{name}", rule, parts, way_out=way_out)
        if not _is_part(self.dominant):
            yield fault(f"{where}.dominant", "be the name of a parameter", self.dominant)
            return
        if not self.over:
            rule = "name what the dominant parameter is compared with"
            yield fault(f"{where}.over", rule, self.over)
        others = [n for p in (*self.over, *self.negligible) if _is_part(p) for n in as_group(p)]
        for name in as_group(self.dominant):
            if name in others:
                rule = "not be compared with itself"
                yield fault(f"{where}.dominant", rule, name)
        if not isinstance(self.name, str) or not (self.name.isprintable() or not self.name):
            yield fault(f"{where}.name", "be one printable line", self.name)

    def to_json(self) -> dict[str, Any]:
        """A JSON tree that ``from_json`` reads back; groups as lists."""
        tree: dict[str, Any] = json.loads(json.dumps(asdict(self)))
        return {**tree, "says": str(self)}

    @classmethod
    def from_json(cls, tree: Mapping[str, Any]) -> Claim:
        """Read back what ``to_json`` wrote.

        Raises:
            SpecError: if a field is missing or unknown.
        """
        try:
            fields = {name: value for name, value in tree.items() if name != "says"}
            for name in ("over", "negligible", "nuisances"):
                fields[name] = tuple(_part(part) for part in fields[name])
            return cls(**{**fields, "dominant": _part(fields["dominant"])})
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise SpecError(fault("a claim", "have the fields of Claim", tree)) from error


def as_group(part: Part) -> Group:
    """A parameter or group as a tuple of names."""
    return (part,) if isinstance(part, str) else tuple(part)


def joined(group: Group) -> str:
    """A group's name: its members joined by ``+``."""
    return "+".join(group)


def _listed(parts: tuple[Part, ...]) -> str:
    return " and ".join(joined(as_group(part)) for part in parts)


def _is_part(part: object) -> bool:
    members = part if isinstance(part, tuple) else (part,)
    return bool(members) and all(isinstance(m, str) and m.strip() for m in members)


def _part(tree: Any) -> Part:
    return tree if isinstance(tree, str) else tuple(tree)


def claim_faults(
    claims: Sequence[Claim], sampled: Collection[str], settings: Collection[str]
) -> Iterator[str]:
    """Faults of a study's claims: parameters must vary; a nuisance may also be a fixed setting."""
    known = set(sampled)
    if "rank" in known and known & {"alpha", "scaling"}:
        known |= set(COUPLED)
    nuisances = known | set(settings) | set(Claim().nuisances)
    for index, claim in enumerate(claims):
        where = f"claims[{index}]"
        faults = claim.faults(where)
        yield from faults
        if faults:
            continue
        what = "parameters of the space"
        for part in ("dominant", "over", "negligible"):
            yield from _unknown(f"{where}.{part}", getattr(claim, part), known, what)
        what = "parameters of the space, or settings"
        yield from _unknown(f"{where}.nuisances", claim.nuisances, nuisances, what)


def _unknown(
    where: str, parts: Part | tuple[Part, ...], allowed: set[str], what: str
) -> Iterator[str]:
    listed = (parts,) if isinstance(parts, str) else parts
    for name in (name for part in listed for name in as_group(part)):
        if name not in allowed:
            rule = f"name {what} ({', '.join(sorted(allowed))})"
            yield fault(where, rule, name)
