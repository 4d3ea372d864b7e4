"""Sample size: number of trials likely to settle a claim, given the estimated effects and noise."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from scipy import special, stats

from sweep.analysis.effects.intervals import VarianceComponent, noncentrality
from sweep.analysis.verdict.hypotheses import SURE, SURE_NOT

POWER = 0.8
"""Statistical power at which a conclusive result counts as likely."""

LADDER = 1.15 ** np.arange(1, 36)
"""Candidate sample sizes, as multiples of the current number of trials, up to about 130."""

LARGE = 1e4
"""Noncentrality above which the root of a noncentral chi-square is approximated as normal."""

UNLUCKY = 0.25
"""Quantile of the future estimates at which dominance must still be confirmed."""


def for_negligible(
    pieces: Sequence[VarianceComponent], delta_sigma: float, n: int, *, smallest: bool = False
) -> int | None:
    """Number of trials likely to show that all effects are below delta, or one above.

    Args:
        pieces: the effects' total variances.
        delta_sigma: the bound, as an sd.
        n: current number of trials.
        smallest: also consider fewer trials than the current number.

    Returns:
        None if no candidate number is enough.
    """
    for factor in _factors(smallest=smallest):
        chances = [_chances(piece, delta_sigma**2, factor) for piece in pieces]
        below = math.prod(low for low, _ in chances)
        above = max(high for _, high in chances)
        if max(below, above) >= POWER:
            return _rounded(n * factor)
    return None


def _factors(*, smallest: bool) -> tuple[float, ...]:
    """Multiples of the current number of trials, ascending; with ``smallest`` also below 1."""
    fewer = (*(1.0 / LADDER[13::-1]), 1.0) if smallest else ()
    return (*fewer, *LADDER)


def _chances(
    piece: VarianceComponent, bound: float, factor: float, sure: float = SURE
) -> tuple[float, float]:
    """Probabilities of concluding that the effect is below, and above, the bound."""
    if piece.unit == 0.0:
        return 1.0, 0.0
    unit = piece.unit / factor
    at_bound, true = bound / unit, max(piece.estimate / unit, 1e-9)
    low, high = (_quantile(piece.k, at_bound, chance) for chance in (1.0 - sure, SURE_NOT))
    return _below(piece.k, true, low), 1.0 - _below(piece.k, true, high)


def _exceeds(piece: VarianceComponent, bound: float, factor: float) -> float:
    """Probability of concluding, at ``SURE``, that the effect is above the bound."""
    if piece.unit == 0.0:
        return float(piece.estimate > bound)
    unit = piece.unit / factor
    high = _quantile(piece.k, bound / unit, SURE)
    return 1.0 - _below(piece.k, max(piece.estimate / unit, 1e-9), high)


def _quantile(k: float, noncentrality: float, chance: float) -> float:
    """Quantile of a noncentral chi-square; approximated where SciPy's search does not converge."""
    if noncentrality < LARGE:
        return float(stats.ncx2.ppf(chance, k, noncentrality))
    shift = (k - 1.0) / 2.0
    return float((np.sqrt(noncentrality + shift) + special.ndtri(chance)) ** 2 + shift)


def _below(k: float, noncentrality: float, x: float) -> float:
    """Distribution function of a noncentral chi-square at ``x``."""
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
    """Number of trials likely to confirm or refute dominance.

    Args:
        main: the dominant main effect.
        total: the dominant effect with its interactions.
        others: the total effects that it is compared with.
        kappa: the variance ratio that it must exceed.
        delta_sigma: sd below which an effect counts as negligible.
        n: current number of trials.
        smallest: also consider fewer trials than the current number.

    Returns:
        None if no candidate number is enough, as when the estimates are close to the bounds.
    """
    for factor in _factors(smallest=smallest):
        dominates = min(_more(main, other, kappa, factor) for other in others)
        is_less = max(_more(other, total, 1.0, factor) for other in others)
        vanishes = _chances(total, delta_sigma**2, factor, SURE_NOT)[0]
        confirmed = dominates >= SURE and _exceeds(main, delta_sigma**2, factor) >= POWER
        if confirmed or is_less >= SURE_NOT or vanishes >= POWER:
            return _rounded(n * factor)
    return None


def _more(one: VarianceComponent, other: VarianceComponent, kappa: float, factor: float) -> float:
    """Probability that one exceeds kappa times the other, at pessimistic quantiles of both."""
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
    """Rounded up to the next multiple of ten."""
    return 10 * math.ceil(n / 10)
