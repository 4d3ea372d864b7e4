"""From a claim and the trials that count to what is asked of arrays."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from sweep.analysis.axes import Axis, kinds_of_scaling, sampled_axes, value_at
from sweep.analysis.effects.parameter_count import Size
from sweep.analysis.verdict.claim_terms import ClaimTerms
from sweep.analysis.verdict.eligible_trials import EligibleTrials
from sweep.study.claim import COUPLED, Claim
from sweep.study.lora_scaling import power_of_rank
from sweep.study.parameters import Choice

Indices = tuple[int, ...]

DELTA_TO_SIGMA = 8.0**-0.5
"""The sd of a linear effect over five even levels, per unit from end to end. Two levels would
have 0.5, a continuum 0.29."""

SURE = 0.95
"""Probability at which a part of a claim is confirmed."""

SURE_NOT = 0.975
"""Probability of the opposite at which a part is refuted."""

SIGNIFICANT = 0.005
"""P value that a confirmed effect must stay below, so that pure noise, judged against other pure
noise, is not taken to dominate (Benjamin et al. 2018, doi:10.1038/s41562-017-0189-z)."""


@dataclass(frozen=True)
class Hypotheses:
    """What is asked.

    Attributes:
        dominant: indices of the axes said to matter.
        over: the groups it is compared with.
        beside: groups that it is compared with for information.
        negligible: the groups said not to matter.
        nuisances: axes that are optimised over in the second view.
        names: of the axes, for sentences.
        kappa: how many times the variance of the others it must explain.
        delta: the smallest effect worth having, end to end.
        size: how choices differ in trained parameters; None if unknown.
        no_size: why it is unknown.
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
        """A group's name."""
        return "+".join(self.names[i] for i in group)

    @property
    def labels(self) -> Mapping[str, str]:
        """Names for sentences: the dominant one and the nuisances."""
        return {
            "dominant": self.label(self.dominant),
            "nuisances": " and ".join(self.names[i] for i in self.nuisances),
        }


UNSTEADY = 0.15
"""Doublings by which size per rank may differ within one choice before it counts as unknown."""


def hypotheses_of(claim: Claim, roles: ClaimTerms, evidence: EligibleTrials) -> Hypotheses:
    """Put a claim in terms of the axes that varied."""
    neutral = evidence.neutral
    names = tuple(neutral.names.values())
    dominant = neutral.index(roles.dominant)
    over = tuple(filter(None, map(neutral.index, roles.over)))
    taken = {i for group in (dominant, *over) for i in group}
    size, why = _size(evidence, dominant)
    return Hypotheses(
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


def _has_order(evidence: EligibleTrials, index: int) -> bool:
    param = evidence.table.space[list(evidence.neutral.names)[index]]
    return not isinstance(param, Choice) or param.numeric


def _size(evidence: EligibleTrials, dominant: tuple[int, ...]) -> tuple[Size | None, str]:
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


def _log2_sizes(evidence: EligibleTrials, axis: Axis) -> np.ndarray:
    """Doublings of size along the axis of rank, or along alpha's at a given scaling."""
    param, places = evidence.table.space[axis.name], axis.reference()
    values = np.array([value_at(param, float(place)) for place in places])
    doublings: np.ndarray = np.log2(values, out=np.full_like(values, -np.inf), where=values > 0.0)
    if evidence.neutral.names[axis.name] != "alpha":
        return doublings
    return doublings / power_of_rank(rslora=kinds_of_scaling(evidence.table) == (True,))
