"""Translate a claim into hypotheses about the axes of the eligible trials."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

import numpy as np

from sweep.analysis.axes import Axis, kinds_of_scaling, sampled_axes, value_at
from sweep.analysis.effects.contrasts import Size
from sweep.analysis.verdict.claim_terms import ClaimTerms
from sweep.analysis.verdict.eligible_trials import EligibleTrials
from sweep.study.claim import COUPLED, Claim
from sweep.study.lora_scaling import power_of_rank
from sweep.study.parameters import Choice

Indices = tuple[int, ...]

DELTA_TO_SIGMA = 8.0**-0.5
"""Standard deviation of a linear effect over five even levels, divided by its end-to-end range.
For two levels it is 0.5, for a continuous range 0.29."""

SURE = 0.95
"""Probability at which a part of a claim is confirmed."""

SURE_NOT = 0.975
"""Probability of the opposite at which a part is refuted."""

SIGNIFICANT = 0.005
"""P value below which an effect may be confirmed, so that pure noise compared with other pure
noise does not count as dominant (Benjamin et al. 2018, doi:10.1038/s41562-017-0189-z)."""

UNSTEADY = 0.15
"""Largest range of log2(size / rank) within one choice; beyond it, size counts as unknown."""


@dataclass(frozen=True)
class Hypotheses:
    """The hypotheses to test, in terms of axis indices.

    Attributes:
        beside: further groups that the dominant one is compared with, for information only.
        nuisances: axes that are optimised over in the second view.
        names: real names of the axes, for sentences.
        kappa: factor by which the dominant variance must exceed that of each group.
        delta: the smallest relevant effect, end to end, in the objective's unit.
        size: how the dominant choices differ in trained parameters; None if unknown.
        no_size: why it is unknown; empty if not applicable.
    """

    dominant: Indices
    over: tuple[Indices, ...]
    beside: tuple[Indices, ...]
    negligible: tuple[Indices, ...]
    nuisances: Indices
    names: tuple[str, ...]
    kappa: float
    delta: float
    size: Size | None = None
    no_size: str = ""

    @property
    def delta_sigma(self) -> float:
        """The sd below which an effect counts as negligible."""
        return self.delta * DELTA_TO_SIGMA

    def label(self, group: Indices) -> str:
        """Display name of a group: its members joined by ``+``."""
        return "+".join(self.names[i] for i in group)


def hypotheses_of(claim: Claim, terms: ClaimTerms, eligible: EligibleTrials) -> Hypotheses:
    """Express a claim in terms of the axes that varied."""
    anonymous = eligible.anonymous
    names = tuple(anonymous.names.values())
    dominant = anonymous.index(terms.dominant)
    over = tuple(filter(None, map(anonymous.index, terms.over)))
    taken = {i for group in (dominant, *over) for i in group}
    size, why = _size(eligible, dominant)
    return Hypotheses(
        dominant=dominant,
        over=over,
        beside=tuple((i,) for i in range(len(names)) if i not in taken),
        negligible=tuple(filter(None, map(anonymous.index, terms.negligible))),
        nuisances=tuple(i for i in anonymous.index(terms.nuisances) if _has_order(eligible, i)),
        names=names,
        kappa=claim.kappa,
        delta=claim.delta,
        size=size,
        no_size=why,
    )


def _has_order(eligible: EligibleTrials, index: int) -> bool:
    param = eligible.table.space[list(eligible.anonymous.names)[index]]
    return not isinstance(param, Choice) or param.numeric


def _size(eligible: EligibleTrials, dominant: tuple[int, ...]) -> tuple[Size | None, str]:
    """How the dominant choices differ in trained parameters, or why that is unknown, if it is."""
    back = {old: new for new, old in eligible.anonymous.names.items()}
    table = eligible.table
    if len(dominant) != 1 or back.get("rank") == list(table.space)[dominant[0]]:
        return None, ""
    axes = sampled_axes(table)
    lines = [eligible.anonymous.names[axis.name] for axis in axes if axis.kind != "unordered"]
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
    # Rank doubles with size at a fixed scaling, and so does alpha if it was sampled.
    grow = COUPLED[:1] if "scaling" in back else COUPLED[:2]
    slopes = {
        axes.index(axis): _log2_sizes(eligible, axis)
        for axis in axes
        if eligible.anonymous.names[axis.name] in grow
    }
    if not all(np.isfinite(values).all() for values in slopes.values()):
        return None, "size has no doublings where rank or alpha may be 0 or less"
    per_rank = np.array([np.mean(found[float(choice)]) for choice in choices])
    return Size(dominant[0], per_rank, slopes), ""


def _log2_sizes(eligible: EligibleTrials, axis: Axis) -> np.ndarray:
    """Log2 of size along the axis of rank, or along the axis of alpha at a fixed scaling."""
    param, places = eligible.table.space[axis.name], axis.reference()
    values = np.array([value_at(param, float(place)) for place in places])
    doublings: np.ndarray = np.log2(values, out=np.full_like(values, -np.inf), where=values > 0.0)
    if eligible.anonymous.names[axis.name] != "alpha":
        return doublings
    return doublings / power_of_rank(rslora=kinds_of_scaling(eligible.table) == (True,))
