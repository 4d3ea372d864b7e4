"""Threshold curve and calibration of a trial's predictions, as counts that the report plots."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.special import expit

from objectives.metrics.confusion import Confusion
from objectives.metrics.metrics import ARGMAX, Predictions, Ranking

POINTS = 100  # approximate number of thresholds of a curve
BINS = 15  # maximum number of bins of a reliability diagram


def threshold_curve(predictions: Predictions, chosen: float = ARGMAX) -> dict[str, list[Any]]:
    """Exact counts at about ``POINTS`` thresholds, for precision-recall, ROC and MCC curves.

    Half of the thresholds are spaced evenly in the logarithm of the number of predicted
    residues, so that the most confident predictions are resolved one by one; half are spaced
    evenly in recall.

    Args:
        predictions: of one split.
        chosen: a margin to include among the thresholds; ``ARGMAX`` is always included.

    Returns:
        Lists of one length, thresholds descending: ``threshold`` (probabilities),
        ``tp`` and ``fp`` (residues with a higher probability that bind, and that do not).
    """
    ranking = predictions.ranking
    points = {margin: float(expit(margin)) for margin in (ARGMAX, chosen)}
    drawn = {ranking.confusion(margin) for margin in points}
    for cut in _cuts(ranking):
        margin = ranking.threshold(cut)
        if ranking.confusion(margin) not in drawn:
            points[margin] = _shown(ranking.below(cut), cut, margin)
    margins = sorted(points, reverse=True)
    counts = [ranking.confusion(margin) for margin in margins]
    return {
        "threshold": [points[margin] for margin in margins],
        "tp": [each.tp for each in counts],
        "fp": [each.fp for each in counts],
    }


def rates(counts: Sequence[Confusion]) -> dict[str, list[Any]]:
    """Precision (None where nothing is predicted), recall and MCC of each decision of a curve."""
    return {
        "precision": [tp / (tp + fp) if tp + fp else None for tp, fp, _, _ in counts],
        "recall": [tp / (tp + fn) if tp + fn else None for tp, _, fn, _ in counts],
        "mcc": [each.mcc for each in counts],
    }


def _cuts(ranking: Ranking) -> list[float]:
    """Margins m of the rules ``margin >= m``; the highest and the lowest are included."""
    every = np.sort(np.concatenate([ranking.binding, ranking.free]))[::-1]
    predicted = np.geomspace(1, len(every), POINTS // 2).round().astype(np.int64)
    recalled = np.linspace(0, len(ranking.binding) - 1, POINTS // 2).round().astype(np.int64)
    by_recall = ranking.binding[recalled] if len(ranking.binding) else ranking.binding
    cuts: list[float] = np.unique(np.concatenate([every[predicted - 1], by_recall])).tolist()
    return cuts


def _shown(below: float, cut: float, margin: float) -> float:
    """The threshold as the shortest decimal probability that separates the same residues."""
    low, high, middle = (float(expit(each)) for each in (below, cut, margin))
    for digits in range(1, 17):
        rounded = round(middle, digits)
        if low < rounded < high:
            return rounded
    return middle  # no float lies between, e.g. next to a probability of 1


def calibration(predictions: Predictions) -> dict[str, Any]:
    """Reliability diagram: observed share of binding residues per bin of predicted probability.

    Bins hold equally many residues, except that equal probabilities stay in one bin.

    Sources: Niculescu-Mizil & Caruana 2005, doi:10.1145/1102351.1102430; expected calibration
    error: Naeini et al. 2015, doi:10.1609/aaai.v29i1.9602; bins of equal counts: Nixon et al.
    2019, arXiv:1904.01685.

    Args:
        predictions: of one split.

    Returns:
        Lists of one length, probabilities ascending: ``probability`` (the bin's mean),
        ``positives`` (residues that bind) and ``residues``; and ``ece``, the expected
        calibration error: the mean over residues of the absolute difference between their
        bin's share of positives and its mean probability.
    """
    order = np.argsort(predictions.margin, kind="stable")
    margins = predictions.margin[order]
    even = np.arange(BINS) * len(order) // BINS
    starts = np.unique(np.searchsorted(margins, margins[even], "left"))
    expected = np.add.reduceat(expit(margins.astype(np.float64)), starts)
    positives = np.add.reduceat(predictions.labels[order], starts)
    residues = np.diff([*starts, len(order)])
    return {
        "probability": (expected / residues).tolist(),
        "positives": positives.tolist(),
        "residues": residues.tolist(),
        "ece": float(np.abs(positives - expected).sum() / len(order)),
    }
