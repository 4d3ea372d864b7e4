"""LoRA's scaling: what an adapter's update is multiplied by, from rank and alpha, and back.

One record, so that what is trained, analysed and told to PEFT is one number.
"""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class LoraScaling:
    """Rank, alpha and how the two make the factor on an adapter's update.

    The factor is alpha / rank (Hu et al. 2021, arXiv:2106.09685), or alpha / sqrt(rank) with
    rsLoRA (Kalajdzievski 2023, arXiv:2312.03732), as in ``peft.LoraConfig``.

    Attributes:
        rank: of the adapter, above 0.
        alpha: LoRA's alpha.
        rslora: rank-stabilised.

    Example:
        >>> LoraScaling(16, 16.0, rslora=True).factor
        4.0
        >>> LoraScaling.of_factor(16, 4.0, rslora=True).alpha
        16.0
    """

    rank: float
    alpha: float
    rslora: bool = False

    @classmethod
    def of_factor(cls, rank: float, factor: float, *, rslora: bool = False) -> LoraScaling:
        """The one with such a factor."""
        return cls(rank, factor * _divisor(rank, rslora=rslora), rslora)

    @property
    def factor(self) -> float:
        """What the update is multiplied by."""
        return self.alpha / _divisor(self.rank, rslora=self.rslora)


def power_of_rank(*, rslora: bool) -> float:
    """How alpha goes up with rank where the factor stays: as rank to this power."""
    return 0.5 if rslora else 1.0


def _divisor(rank: float, *, rslora: bool) -> float:
    return math.sqrt(rank) if rslora else rank
