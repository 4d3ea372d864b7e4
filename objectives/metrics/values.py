"""Metrics of predicted numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from objectives.metrics.intervals import statistic_interval
from sweep._typing import FloatArray


@dataclass(frozen=True)
class ValuePredictions:
    """A model's output on residues or sequences that have a number."""

    values: FloatArray  # predicted, in the unit of the labels, shape (predictions, 1)
    labels: FloatArray  # measured, shape (predictions,)
    sd: float  # standard deviation of the training labels


def value_figures(predictions: ValuePredictions) -> dict[str, Any]:
    """All metrics as JSON values; a correlation is None where one side is constant.

    ``loss`` is the mean squared error in units of the training labels' variance, as trained;
    ``mae`` and ``rmse`` are in the unit of the labels.
    """
    made, known = predictions.values[:, 0], predictions.labels
    error = made - known
    spread = float(np.square(known - known.mean()).sum())
    return {
        "spearman": _correlation(rankdata(made), rankdata(known)),
        "pearson": _correlation(made, known),
        "mae": float(np.abs(error).mean()),
        "rmse": float(np.sqrt(np.square(error).mean())),
        "r2": 1 - float(np.square(error).sum()) / spread if spread else None,
        "loss": float(np.square(error / predictions.sd).mean()),
        "predictions": len(known),
    }


def value_interval(
    predictions: ValuePredictions, chains: NDArray[np.int64], seed: int
) -> dict[str, float | None]:
    """95 % intervals of both correlations, by resampling chains.

    Spearman's uses the ranks in the whole split, which a resample hardly changes.
    """
    made, known = predictions.values[:, 0], predictions.labels
    found: dict[str, float | None] = {}
    for name, x, y in (("spearman", rankdata(made), rankdata(known)), ("pearson", made, known)):
        x, y = x - x.mean(), y - y.mean()  # noqa: PLW2901  # keeps the sums of squares exact
        table = np.stack([np.ones_like(x), x, y, x * y, x * x, y * y], axis=1)
        found |= statistic_interval(name, table, _of_sums, chains, seed)
    return found


def _correlation(x: FloatArray, y: FloatArray) -> float | None:
    x, y = x - x.mean(), y - y.mean()
    spread = float(np.sqrt(np.square(x).sum() * np.square(y).sum()))
    return float((x * y).sum()) / spread if spread > 0 else None


def _of_sums(sums: FloatArray) -> FloatArray:
    """Pearson's correlation from sums of 1, x, y, xy, xx and yy, shape (resamples,)."""
    n, x, y, xy, xx, yy = sums.T
    spread = (n * xx - x * x) * (n * yy - y * y)
    found: FloatArray = np.where(spread > 0, n * xy - x * y, 0.0) / np.sqrt(
        np.where(spread > 0, spread, 1.0)
    )
    return found
