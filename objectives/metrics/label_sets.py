"""Metrics of predicted sets of labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit
from sklearn.metrics import average_precision_score

from objectives.metrics.intervals import statistic_interval
from sweep._typing import FloatArray

CUTS = np.arange(101) / 100  # thresholds on the probability that Fmax is the best of
_FEW = 100  # labels up to which each gets a row in the table


@dataclass(frozen=True)
class SetPredictions:
    """A model's output on sequences with any number of labels."""

    values: FloatArray  # logits, shape (sequences, labels)
    labels: NDArray[np.bool_]  # which a sequence has, of the same shape
    names: Sequence[str]  # of the labels


def set_figures(predictions: SetPredictions) -> dict[str, Any]:
    """All metrics as JSON values; an area is None where no sequence has a label.

    Source: Fmax: Radivojac et al. 2013, doi:10.1038/nmeth.2340: the best harmonic mean, over
    thresholds, of the mean precision of the sequences with a prediction and the mean recall of
    the sequences with a label.
    """
    shares, labels = expit(predictions.values), predictions.labels
    scores = harmonic(_terms(shares, labels).sum(axis=0, keepdims=True))[0]
    sign = np.where(labels, -1.0, 1.0)
    figures: dict[str, Any] = {
        "fmax": float(scores.max()),
        "threshold": float(CUTS[scores.argmax()]),
        "micro_pr_auc": float(average_precision_score(labels.ravel(), shares.ravel()))
        if labels.any()
        else None,
        "loss": float(np.logaddexp(0.0, sign * predictions.values).mean()),
        "predictions": len(labels),
    }
    if len(predictions.names) <= _FEW:
        figures["per_class"] = {
            name: {
                "pr_auc": float(average_precision_score(labels[:, at], shares[:, at])),
                "labels": int(labels[:, at].sum()),
            }
            for at, name in enumerate(predictions.names)
            if labels[:, at].any()
        }
    return figures


def set_interval(
    predictions: SetPredictions, chains: NDArray[np.int64], seed: int
) -> dict[str, float | None]:
    """The 95 % interval of Fmax, by resampling sequences."""
    table = _terms(expit(predictions.values), predictions.labels)
    return statistic_interval("fmax", table, lambda sums: harmonic(sums).max(axis=1), chains, seed)


def _terms(shares: FloatArray, labels: NDArray[np.bool_]) -> FloatArray:
    """Terms of the sums that Fmax follows from, shape (sequences, 3 * cuts + 1).

    Per cut: precision, whether there is a prediction, and recall; last, whether there is a label.
    """
    held = labels.sum(axis=1)
    precision, predicted, recall = [], [], []
    for cut in CUTS:
        chosen = shares >= cut
        count, hits = chosen.sum(axis=1), (chosen & labels).sum(axis=1)
        precision.append(hits / np.maximum(count, 1))
        predicted.append(count > 0)
        recall.append(hits / np.maximum(held, 1))
    return np.stack([*precision, *predicted, *recall, held > 0], axis=1).astype(np.float64)


def harmonic(sums: FloatArray) -> FloatArray:
    """F of each cut from the sums of ``_terms``, shape (resamples, cuts)."""
    cuts = len(CUTS)
    precision = sums[:, :cuts] / np.maximum(sums[:, cuts : 2 * cuts], 1.0)
    recall = sums[:, 2 * cuts : 3 * cuts] / np.maximum(sums[:, -1:], 1.0)
    both = precision + recall
    found: FloatArray = 2 * precision * recall / np.where(both > 0, both, 1.0)
    return found
