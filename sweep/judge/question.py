"""A claim as what is asked of arrays: indices and bounds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sweep.effects.size import Size

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
class Question:
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
