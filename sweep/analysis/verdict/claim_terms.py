"""Resolve a claim to the parameters of a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sweep.errors import SpecError, fault
from sweep.study.claim import COUPLED, Claim, Group, Part, as_group


@dataclass(frozen=True)
class ClaimTerms:
    """A claim resolved to a table's parameter names.

    Attributes:
        nuisances: the parameters averaged over, and optimised over in the second view.
        merged: why rank and alpha are tested jointly; empty if they are not.
    """

    dominant: Group
    over: tuple[Group, ...]
    negligible: tuple[Group, ...]
    nuisances: Group
    merged: str = ""

    @property
    def judged(self) -> tuple[str, ...]:
        """All distinct names in the claim except nuisances, the dominant first."""
        groups = (self.dominant, *self.over, *self.negligible)
        return tuple(dict.fromkeys(name for group in groups for name in group))


def roles_of(claim: Claim, names: Sequence[str]) -> ClaimTerms:
    """Resolve a claim to a table's parameter names.

    Raises:
        SpecError: if the claim names parameters that the table lacks, or if the dominant group
            shares a parameter with another group; lists all faults.
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
    """The table's parameters that represent a named one: itself, or those that determine it."""
    pair = tuple(each for each in COUPLED if each in names)
    if name in COUPLED and len(pair) == 2 and "scaling" not in pair:
        # The effect of rank at fixed alpha differs from its effect at fixed scaling.
        return (*pair, "rslora") if "rslora" in names else pair
    if name in names:
        return (name,)
    return pair if name in COUPLED and "rank" in pair else ()


def _coupled_together(groups: Sequence[Group]) -> tuple[Group, ...]:
    """The groups, with those that contain rank, alpha or scaling merged into one."""
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
