"""From a claim and the trials that count to what is asked of arrays."""

from __future__ import annotations

from collections import defaultdict

import numpy as np

from sweep.axes import Axis, kinds_of_scaling, sampled_axes, value_at
from sweep.claim import COUPLED, Claim
from sweep.effects.size import Size
from sweep.judge.evidence import Evidence
from sweep.judge.question import Question
from sweep.judge.roles import Roles
from sweep.scaling import power_of_rank
from sweep.space import Choice

UNSTEADY = 0.15
"""Doublings by which size per rank may differ within one choice before it counts as unknown."""


def ask(claim: Claim, roles: Roles, evidence: Evidence) -> Question:
    """Put a claim in terms of the axes that varied."""
    neutral = evidence.neutral
    names = tuple(neutral.names.values())
    dominant = neutral.index(roles.dominant)
    over = tuple(filter(None, map(neutral.index, roles.over)))
    taken = {i for group in (dominant, *over) for i in group}
    size, why = _size(evidence, dominant)
    return Question(
        dominant=dominant,
        over=over,
        beside=tuple((i,) for i in range(len(names)) if i not in taken),
        negligible=tuple(filter(None, map(neutral.index, roles.negligible))),
        nuisances=tuple(i for i in neutral.index(roles.nuisances) if _has_order(evidence, i)),
        names=names,
        kappa=claim.kappa,
        delta=claim.delta,
        size=size,
        no_size=why,
    )


def _has_order(evidence: Evidence, index: int) -> bool:
    param = evidence.table.space[list(evidence.neutral.names)[index]]
    return not isinstance(param, Choice) or param.numeric


def _size(evidence: Evidence, dominant: tuple[int, ...]) -> tuple[Size | None, str]:
    """How the dominant choices differ in trained parameters, or why that is not known.

    No reason is given where the claim is not about what is adapted at all.
    """
    back = {old: new for new, old in evidence.neutral.names.items()}
    table = evidence.table
    if len(dominant) != 1 or back.get("rank") == list(table.space)[dominant[0]]:
        return None, ""
    axes = sampled_axes(table)
    lines = [evidence.neutral.names[axis.name] for axis in axes if axis.kind != "unordered"]
    two_ways = {"alpha", "rslora"} <= back.keys() and "scaling" not in back
    if two_ways or "rank" not in lines or ("alpha" in back and "alpha" not in lines):
        known = any(row.size is not None for row in table.rows)
        why = "rslora varied beside alpha" if two_ways else "rank did not vary as a number"
        return None, f"{why}, so parameters have no known worth" * known
    found: dict[float, list[float]] = defaultdict(list)
    for row, place in zip(table.rows, axes[dominant[0]].places, strict=True):
        rank = float(row.values[back["rank"]])
        if row.size is not None and row.size > 0 and rank > 0:
            found[float(place)].append(np.log2(row.size / rank))
    choices = axes[dominant[0]].reference()
    if any(float(choice) not in found for choice in choices):
        return None, "the trained parameters of the choices were not recorded"
    if max(map(np.ptp, found.values())) > UNSTEADY:
        return None, "the trained parameters of a choice do not go up with its rank"
    slopes = {
        axes.index(axis): _log2_sizes(evidence, axis)
        for axis in axes
        if evidence.neutral.names[axis.name] in _grow_with_size(back)
    }
    if not all(np.isfinite(values).all() for values in slopes.values()):
        return None, "size has no doublings where rank or alpha may be 0 or less"
    per_rank = np.array([np.mean(found[float(choice)]) for choice in choices])
    return Size(dominant[0], per_rank, slopes), ""


def _grow_with_size(back: dict[str, str]) -> tuple[str, ...]:
    """What doubles with size at a given scaling: rank, and alpha where that is sampled."""
    return COUPLED[:1] if "scaling" in back else COUPLED[:2]


def _log2_sizes(evidence: Evidence, axis: Axis) -> np.ndarray:
    """Doublings of size along the axis of rank, or along alpha's at a given scaling."""
    param, places = evidence.table.space[axis.name], axis.reference()
    values = np.array([value_at(param, float(place)) for place in places])
    doublings: np.ndarray = np.log2(values, out=np.full_like(values, -np.inf), where=values > 0.0)
    if evidence.neutral.names[axis.name] != "alpha":
        return doublings
    return doublings / power_of_rank(rslora=kinds_of_scaling(evidence.table) == (True,))
