"""Counts of a binary decision, and the rates that follow from them."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray


class Confusion(NamedTuple):
    """The 2 x 2 table of a binary decision."""

    tp: int  # positives that are predicted
    fp: int  # negatives that are predicted
    fn: int  # positives that are not predicted
    tn: int  # negatives that are not predicted

    @property
    def mcc(self) -> float:
        """Matthews correlation coefficient; see ``matthews``."""
        return float(matthews(*self))

    @property
    def degenerate(self) -> bool:
        """Whether a row or column of the table is empty."""
        tp, fp, fn, tn = self
        return (tp + fp) * (tp + fn) * (tn + fp) * (tn + fn) == 0


def matthews(tp: Any, fp: Any, fn: Any, tn: Any) -> NDArray[np.float64]:
    """Matthews correlation coefficient of counts; 0 where a row or column sum is 0.

    Source: Matthews 1975, doi:10.1016/0005-2795(75)90109-9.

    Args:
        tp: true positives: a whole number, which is exact at any size, or an array of floats.
        fp: false positives, likewise.
        fn: false negatives, likewise.
        tn: true negatives, likewise.
    """
    sums = np.asarray((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn), dtype=np.float64)
    covariance = np.asarray(tp * tn - fp * fn, dtype=np.float64)
    found: NDArray[np.float64] = np.where(sums > 0, covariance, 0.0) / np.sqrt(
        np.maximum(sums, 1.0)
    )
    return found
