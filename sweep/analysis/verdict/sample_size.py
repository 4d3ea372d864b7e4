"""How many trials an answer is likely to take, if effects and noise are as estimated."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from scipy import special, stats

from sweep.analysis.effects.intervals import VarianceComponent, noncentrality
from sweep.analysis.verdict.hypotheses import SURE, SURE_NOT

POWER = 0.8
"""Chance of an answer that counts as likely."""

LADDER = 1.15 ** np.arange(1, 36)
"""Multiples of the trials at hand, up to 130 times."""

LARGE = 1e4
"""Noncentrality from which on the root of a noncentral chi-square is taken to be normal."""

UNLUCKY = 0.25
"""Quantile of the estimates at which dominance must still be sure."""


def for_negligible(
    pieces: Sequence[VarianceComponent], delta_sigma: float, n: int, *, smallest: bool = False
) -> int | None:
    """Trials at which each effect is surely below delta, or one surely above.

    Args:
        pieces: the effects' total variances.
        delta_sigma: the bound, as an sd.
        n: trials at hand.
        smallest: also look below the trials at hand.

    Returns:
        None if no number up to the ladder's end would do.
    """
    for factor in _factors(smallest=smallest):
        chances = [_chances(piece, delta_sigma**2, factor) for piece in pieces]
        below = math.prod(low for low, _ in chances)
        above = max(high for _, high in chances)
        if max(below, above) >= POWER:
            return _rounded(n * factor)
    return None


def _factors(*, smallest: bool) -> tuple[float, ...]:
    """Multiples of the trials at hand, rising; below 1 too if the smallest is asked for."""
    fewer = (*(1.0 / LADDER[13::-1]), 1.0) if smallest else ()
    return (*fewer, *LADDER)


def _chances(
    piece: VarianceComponent, bound: float, factor: float, sure: float = SURE
) -> tuple[float, float]:
    """Chances of finding the effect surely below, and surely above the bound."""
    if piece.unit == 0.0:
        return 1.0, 0.0
    unit = piece.unit / factor
    at_bound, true = bound / unit, max(piece.estimate / unit, 1e-9)
    low, high = (_quantile(piece.k, at_bound, chance) for chance in (1.0 - sure, SURE_NOT))
    return _below(piece.k, true, low), 1.0 - _below(piece.k, true, high)


def _quantile(k: float, noncentrality: float, chance: float) -> float:
    """Of a noncentral chi-square; SciPy's search does not end where next to nothing is noise."""
    if noncentrality < LARGE:
        return float(stats.ncx2.ppf(chance, k, noncentrality))
    shift = (k - 1.0) / 2.0
    return float((np.sqrt(noncentrality + shift) + special.ndtri(chance)) ** 2 + shift)


def _below(k: float, noncentrality: float, x: float) -> float:
    """Chance that a noncentral chi-square is below x."""
    if max(noncentrality, x) < LARGE:
        return float(stats.ncx2.cdf(x, k, noncentrality))
    shift = (k - 1.0) / 2.0
    return float(special.ndtr(np.sqrt(max(x - shift, 0.0)) - np.sqrt(noncentrality + shift)))


def for_dominance(  # noqa: PLR0913 - the effects and the bounds that the rule compares
    main: VarianceComponent,
    total: VarianceComponent,
    others: Sequence[VarianceComponent],
    kappa: float,
    delta_sigma: float,
    n: int,
    *,
    smallest: bool = False,
) -> int | None:
    """Trials at which dominance is surely there, or surely not.

    Args:
        main: the dominant effect by itself.
        total: the same with its interactions.
        others: the total effects that it is compared with.
        kappa: the ratio that it must exceed.
        delta_sigma: sd below which it is no effect at all.
        n: trials at hand.
        smallest: also look below the trials at hand.

    Returns:
        None where the estimates lie between a yes and a no, or too near to either.
    """
    for factor in _factors(smallest=smallest):
        dominates = min(_more(main, other, kappa, factor) for other in others)
        is_less = max(_more(other, total, 1.0, factor) for other in others)
        vanishes = _chances(total, delta_sigma**2, factor, SURE_NOT)[0]
        if dominates >= SURE or is_less >= SURE_NOT or vanishes >= POWER:
            return _rounded(n * factor)
    return None


def _more(one: VarianceComponent, other: VarianceComponent, kappa: float, factor: float) -> float:
    """Probability that one exceeds kappa times the other, at somewhat unlucky estimates."""
    chances = (np.arange(200) + 0.5) / 200
    high = _at(one, UNLUCKY, factor, chances)
    low = _at(other, 1.0 - UNLUCKY, factor, chances)
    return float(np.mean(high[:, None] > kappa * low[None, :]))


def _at(
    piece: VarianceComponent, quantile: float, factor: float, chances: np.ndarray
) -> np.ndarray:
    unit = piece.unit / factor
    if unit == 0.0:
        return np.full_like(chances, piece.estimate)
    x = _quantile(piece.k, max(piece.estimate / unit, 1e-9), quantile)
    return noncentrality(np.full_like(chances, x), piece.k, chances) * unit


def _rounded(n: float) -> int:
    """Up to the next ten."""
    return 10 * math.ceil(n / 10)
