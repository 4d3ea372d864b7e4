"""Effect of a choice beyond its number of trained parameters.

A target set with more matrices trains more parameters at the same rank; so does a higher rank at
the same set. The slope of the rank effect per doubling estimates the effect of size; what remains
of a choice's effect is the effect of *which* matrices are adapted.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sweep._typing import FloatArray
from sweep.analysis.axes import Axis
from sweep.analysis.effects.contrasts import Contrasts
from sweep.analysis.effects.fit import Fit
from sweep.analysis.effects.model import columns


@dataclass(frozen=True)
class Size:
    """How the number of trained parameters depends on the configuration.

    Attributes:
        dominant: index of the parameter whose choices differ in size.
        log2_per_rank: for each of its choices, log2 of the trained parameters per unit of rank,
            shape ``(K,)``.
        slopes: index of rank to log2 of size along its axis, shape of its ``reference``; if alpha
            was sampled, also the index of alpha, which must grow with rank to keep the scaling.
    """

    dominant: int
    log2_per_rank: FloatArray
    slopes: dict[int, FloatArray]

    def spans(self) -> bool:
        """Whether some slope covers at least as many doublings of size as the choices do."""
        widest = max(float(np.ptp(values)) for values in self.slopes.values())
        return bool(np.ptp(self.log2_per_rank) <= widest)


def beyond_size(fit: Fit, view: Contrasts, size: Size) -> FloatArray:
    """The dominant main effect less the part explained by its choices' sizes.

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
    """Least-squares slope of each basis column per doubling of size, shape ``(count,)``."""
    table = columns(axis, axis.reference(), count)[:, :count]
    centred = log2_values - log2_values.mean()
    slope: FloatArray = table.T @ centred / np.square(centred).sum()
    return slope
