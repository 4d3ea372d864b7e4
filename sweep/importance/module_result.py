"""What an analysis of single matrices answers: records with intervals."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ModuleShare:
    """What adapting one matrix is worth.

    Attributes:
        name: the matrix; several joined by ``+`` where no tried set has one without the others.
        n: trials it rests on.
        share: Shapley effect on the variance over all sets, of 1 for all matrices.
        low: lower end of the share's interval.
        high: upper end.
        gain: Shapley value of the mean gain, in the objective's unit, higher better.
        gain_low: lower end of the gain's interval.
        gain_high: upper end.
    """

    name: str
    n: int
    share: float
    low: float
    high: float
    gain: float
    gain_low: float
    gain_high: float


@dataclass(frozen=True)
class ModuleReport:
    """All matrices of a target-set parameter.

    Attributes:
        parameter: which parameter holds the target sets.
        rows: by falling share; empty where nothing can be told, with the reason in ``notes``.
        n: trials it rests on.
        sets: distinct target sets among them.
        pairwise: whether the model has products of two matrices.
        level: nominal level of the intervals.
        notes: what cannot be told apart, and what the model takes for granted.
    """

    parameter: str
    rows: tuple[ModuleShare, ...]
    n: int
    sets: int
    pairwise: bool
    level: float
    notes: tuple[str, ...] = ()
