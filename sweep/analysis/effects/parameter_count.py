"""What a choice does beyond the number of parameters it trains.

A target set with more matrices trains more parameters at the same rank; so does a higher rank at
the same set. The rank's own slope per doubling tells what parameters are worth, and what a choice
is worth beyond that is the effect of *which* matrices are adapted.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sweep.analysis.axes import Axis
from sweep.analysis.effects.basis import columns
from sweep.analysis.effects.contrasts import Contrasts
from sweep.analysis.effects.fit import Fit

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Size:
    """How the number of trained parameters depends on the configuration.

    Attributes:
        dominant: index of the parameter whose choices differ in size.
        log2_per_rank: of each of its choices, log2 of the parameters per unit of rank, shape
            ``(K,)``.
        slopes: index of a parameter to doublings of size, shape of its ``reference``: those of
            rank, and where alpha is what is sampled those that it goes with, since scaling must
            stay.
    """

    dominant: int
    log2_per_rank: FloatArray
    slopes: dict[int, FloatArray]

    def spans(self) -> bool:
        """Whether rank alone varies size about as widely as the choices do."""
        widest = max(float(np.ptp(values)) for values in self.slopes.values())
        return bool(np.ptp(self.log2_per_rank) <= widest)


def beyond_size(fit: Fit, view: Contrasts, size: Size) -> FloatArray:
    """The dominant main effect less what its choices' sizes explain.

    Returns:
        Combinations of coefficients, shape ``(k, p)``.
    """
    axis = fit.model.axes[size.dominant]
    rows = view.effects[size.dominant,].copy()
    own = columns(axis, axis.reference(), len(rows))[:, : len(rows)]
    share = own.T @ (size.log2_per_rank - size.log2_per_rank.mean()) / len(own)
    for index, values in size.slopes.items():
        effect = view.effects.get((index,))
        if effect is not None:
            slope = _slope(fit.model.axes[index], values, len(effect)) @ effect
            rows -= share[:, None] * slope[None, :]
    return rows


def _slope(axis: Axis, log2_values: FloatArray, count: int) -> FloatArray:
    """What a doubling adds, on average over the range, per unit of each column, ``(count,)``."""
    table = columns(axis, axis.reference(), count)[:, :count]
    centred = log2_values - log2_values.mean()
    slope: FloatArray = table.T @ centred / np.square(centred).sum()
    return slope
