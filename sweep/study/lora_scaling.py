"""LoRA's scaling factor, computed from rank and alpha, and the inverse.

Training, analysis and ``peft.LoraConfig`` all use this one computation.
"""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class LoraScaling:
    """Rank, alpha, and the factor that they give an adapter's update.

    The factor is alpha / rank (Hu et al. 2021, arXiv:2106.09685), or alpha / sqrt(rank) with rsLoRA
    (Kalajdzievski 2023, arXiv:2312.03732), as in ``peft.LoraConfig``.

    Attributes:
        rank: rank of the adapter, above 0.
        alpha: LoRA's alpha.
        rslora: whether to use rsLoRA's factor.

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
        """The scaling with the alpha that gives a factor at a rank."""
        return cls(rank, factor * _divisor(rank, rslora=rslora), rslora)

    @property
    def factor(self) -> float:
        """The factor by which an adapter's update is multiplied."""
        return self.alpha / _divisor(self.rank, rslora=self.rslora)


def power_of_rank(*, rslora: bool) -> float:
    """The power of rank to which alpha is proportional at a fixed factor."""
    return 0.5 if rslora else 1.0


def _divisor(rank: float, *, rslora: bool) -> float:
    return math.sqrt(rank) if rslora else rank
