"""Detect collapsed runs: outliers far below the value predicted for their configuration."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from sweep._typing import FloatArray
from sweep.analysis.axes import Axis
from sweep.analysis.effects.model import Block, Model

FAR = 6.0
"""A run counts as collapsed this many robust standard deviations below the prediction."""

LEAST = 1e-6
"""Fraction of the values' range below which residuals are rounding errors."""

FEW = 36
"""With fewer configurations, the noise estimate is too uncertain to detect collapsed runs."""


def far_below(axes: Sequence[Axis], y: FloatArray) -> npt.NDArray[np.bool_]:
    """Mask of runs far below a robust fit of main effects and products of numeric parameters.

    The fit is Huber's M-estimate (Huber 1964, doi:10.1214/aoms/1177703732), the scale the
    median absolute residual. The rule is one-sided: outliers above the prediction are kept.

    Args:
        axes: the parameters that varied, each with the runs' coordinates, shape ``(n,)``.
        y: the runs' values, higher is better, shape ``(n,)``.

    Returns:
        Shape ``(n,)``.
    """
    none = np.zeros(len(y), dtype=np.bool_)
    spread = float(y.max()) - float(y.min()) if len(y) else 0.0
    if not axes or spread == 0.0:
        return none
    places = np.array([axis.places for axis in axes])
    configurations = np.unique(places, axis=1).shape[1]  # seeds are not counted
    if configurations < FEW:
        return none
    x = _matrix(axes, configurations)
    if x.shape[1] > configurations // 2:
        return none
    residuals = _robust_residuals(x, y)
    centre = float(np.median(residuals))
    # Correct the residual scale for the degrees of freedom used by the fit.
    left = (1.0 - x.shape[1] / len(y)) ** 0.5
    scale = 1.4826 * float(np.median(np.abs(residuals - centre))) / left
    scale = max(scale, LEAST * spread)
    low: npt.NDArray[np.bool_] = residuals - centre < -FAR * scale
    return low


def _matrix(axes: Sequence[Axis], n: int) -> FloatArray:
    numbers = [i for i, axis in enumerate(axes) if axis.kind != "unordered"]
    blocks = [Block((i,), (2,)) for i in range(len(axes))]
    blocks += [Block((i, j), (1, 1)) for i in numbers for j in numbers if i < j]
    model = Model(tuple(axes), tuple(blocks))
    while model.size > n // 4 and len(model.blocks) > len(axes):
        model = Model(model.axes, model.blocks[:-1])
    return model.matrix([axis.places for axis in axes])


def _robust_residuals(x: FloatArray, y: FloatArray) -> FloatArray:
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import HuberRegressor  # slow to import: only when used

    centre = float(np.median(y))
    unit = float(np.median(np.abs(y - centre))) or float(np.ptp(y))
    scaled = (y - centre) / unit
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # an exact fit never converges
        model = HuberRegressor(alpha=0.0, max_iter=200).fit(x, scaled)
    residuals: FloatArray = (scaled - model.predict(x)) * unit
    return residuals
