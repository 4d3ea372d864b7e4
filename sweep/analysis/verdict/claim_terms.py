"""Which parameters of a table play which part in a claim."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sweep.errors import SpecError, fault
from sweep.study.claim import COUPLED, Claim, Group, Part, as_group


@dataclass(frozen=True)
class ClaimTerms:
    """A claim in the names of a table's parameters.

    Attributes:
        dominant: what is said to matter.
        over: the groups it is compared with.
        negligible: the groups said not to matter.
        nuisances: what is averaged over, and optimised over.
        merged: why rank and its partner are judged together only; empty if they are not.
    """

    dominant: Group
    over: tuple[Group, ...]
    negligible: tuple[Group, ...]
    nuisances: Group
    merged: str = ""

    @property
    def judged(self) -> tuple[str, ...]:
        """All names that the claim speaks of, the dominant first, each once."""
        groups = (self.dominant, *self.over, *self.negligible)
        return tuple(dict.fromkeys(name for group in groups for name in group))


def roles_of(claim: Claim, names: Sequence[str]) -> ClaimTerms:
    """Read a claim in the names of a table's parameters.

    Args:
        claim: the claim.
        names: the table's parameters.

    Raises:
        SpecError: naming every parameter of the claim that the table does not have, and those
            it has.
    """
    faults: list[str] = []
    over = [_named(claim, "over", part, names, faults) for part in claim.over]
    negligible = [_named(claim, "negligible", part, names, faults) for part in claim.negligible]
    dominant = _named(claim, "dominant", claim.dominant, names, faults)
    for name in dominant:
        if any(name in group for group in (*over, *negligible)):
            rule = "not be made of the same parameters as what it is compared with"
            faults.append(fault("claim.dominant", rule, name))
    if faults:
        raise SpecError(faults)
    taken = {name for group in (dominant, *over, *negligible) for name in group}
    return ClaimTerms(
        dominant,
        _coupled_together(over),
        tuple(dict.fromkeys(negligible)),
        tuple(n for n in claim.nuisances if n in names and n not in taken),
        _merged(claim, names),
    )


def _named(claim: Claim, field: str, part: Part, names: Sequence[str], faults: list[str]) -> Group:
    found: list[str] = []
    for name in as_group(part):
        members = _members(name, names)
        if not members:
            rule = f"be one of {', '.join(names)}"
            faults.append(fault(f"claim.{field}", rule, name, where=str(claim)))
        found.extend(members)
    return tuple(dict.fromkeys(found))


def _members(name: str, names: Sequence[str]) -> Group:
    """The columns that speak for a parameter: itself, or those that determine it."""
    pair = tuple(each for each in COUPLED if each in names)
    if name in COUPLED and len(pair) == 2 and "scaling" not in pair:
        # What rank does at a fixed alpha is not what it does at a fixed scaling.
        return (*pair, "rslora") if "rslora" in names else pair
    if name in names:
        return (name,)
    return pair if name in COUPLED and "rank" in pair else ()


def _coupled_together(groups: Sequence[Group]) -> tuple[Group, ...]:
    """The groups, with all that hold rank or its partner made one."""
    held = set(COUPLED)
    if any(held & set(group) and "rslora" in group for group in groups):
        held.add("rslora")
    coupled = [group for group in groups if set(group) & held]
    rest = [group for group in groups if not set(group) & held]
    merged = tuple(dict.fromkeys(name for group in coupled for name in group))
    return tuple(dict.fromkeys([merged, *rest] if merged else rest))


def _merged(claim: Claim, names: Sequence[str]) -> str:
    asked = {name for part in (*claim.over, *claim.negligible) for name in as_group(part)}
    if {"rank", "alpha"} <= set(names) and "scaling" not in names and asked & set(COUPLED):
        those = "rank, alpha and rslora" if "rslora" in names else "rank and alpha"
        return (
            "alpha was sampled, not scaling: at a fixed alpha a higher rank is a smaller scaling, "
            f"so {those} are judged together"
        )
    return ""
