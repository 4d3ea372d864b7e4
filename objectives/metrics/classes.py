"""Metrics of predictions of several classes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_softmax
from sklearn.metrics import (
    average_precision_score,
    confusion_matrix,
    precision_recall_fscore_support,
    roc_auc_score,
)

from objectives.metrics.intervals import statistic_interval
from sweep._typing import FloatArray


@dataclass(frozen=True)
class ClassPredictions:
    """A model's output on labelled residues or sequences."""

    values: FloatArray  # logits, shape (predictions, classes)
    labels: NDArray[np.int64]  # class numbers, shape (predictions,)
    names: Sequence[str]  # of the classes

    @cached_property
    def log_shares(self) -> FloatArray:
        """Logarithms of the predicted probabilities, shape (predictions, classes)."""
        shares: FloatArray = log_softmax(self.values, axis=1)
        return shares

    @cached_property
    def table(self) -> NDArray[np.int64]:
        """Number of predictions by label and predicted class, shape (classes, classes)."""
        chosen = self.values.argmax(axis=1)
        made: NDArray[np.int64] = confusion_matrix(
            self.labels, chosen, labels=range(len(self.names))
        )
        return made


def class_figures(predictions: ClassPredictions) -> dict[str, Any]:
    """All metrics as JSON values; an area is None where a class that it needs is absent.

    Areas are of the second of two classes; of more they are means over the classes that occur,
    each against the rest.

    Sources: MCC of several classes: Gorodkin 2004, doi:10.1016/j.compbiolchem.2004.09.006.
    """
    labels, names = predictions.labels, predictions.names
    numbers = np.arange(len(names))
    precision, recall, f1, support = precision_recall_fscore_support(
        labels, predictions.values.argmax(axis=1), labels=numbers, zero_division=0
    )
    shares = np.exp(predictions.log_shares)
    watched = [1] if len(names) == 2 else [n for n in numbers if support[n]]
    held = [n for n in watched if 0 < support[n] < len(labels)]
    found = len(held) == len(watched) and bool(held)
    areas = {
        "roc_auc": [roc_auc_score(labels == n, shares[:, n]) for n in held] if found else [],
        "pr_auc": [average_precision_score(labels == n, shares[:, n]) for n in held]
        if found
        else [],
    }
    columns = zip(names, precision, recall, f1, support, strict=True)
    return {
        "mcc": float(matthews_of(predictions.table.reshape(1, -1).astype(float))[0]),
        "macro_f1": float(f1[support > 0].mean()),
        "accuracy": float(np.trace(predictions.table) / len(labels)),
        **{name: float(np.mean(each)) if each else None for name, each in areas.items()},
        "loss": float(-predictions.log_shares[np.arange(len(labels)), labels].mean()),
        "predictions": len(labels),
        "per_class": {
            name: {"precision": float(p), "recall": float(r), "f1": float(f), "labels": int(n)}
            for name, p, r, f, n in columns
        },
    }


def class_interval(
    predictions: ClassPredictions, chains: NDArray[np.int64], seed: int
) -> dict[str, float | None]:
    """The 95 % interval of MCC, by resampling chains; see ``intervals.mcc_intervals``."""
    classes = len(predictions.names)
    cells = predictions.labels * classes + predictions.values.argmax(axis=1)
    used, column = np.unique(cells, return_inverse=True)
    table = np.zeros((len(cells), len(used)))
    table[np.arange(len(cells)), column] = 1.0

    def statistic(sums: FloatArray) -> FloatArray:
        whole = np.zeros((len(sums), classes * classes))
        whole[:, used] = sums
        return matthews_of(whole)

    return statistic_interval("mcc", table, statistic, chains, seed)


def matthews_of(tables: FloatArray) -> FloatArray:
    """Matthews correlation coefficient of several classes; 0 where it is undefined.

    Args:
        tables: counts by label and predicted class, shape (tables, classes * classes).

    Returns:
        Shape (tables,).
    """
    classes = int(np.sqrt(tables.shape[1]))
    cubes = tables.reshape(-1, classes, classes)
    total = cubes.sum(axis=(1, 2))
    right = np.trace(cubes, axis1=1, axis2=2)
    true, chosen = cubes.sum(axis=2), cubes.sum(axis=1)
    covariance = right * total - (true * chosen).sum(axis=1)
    spread = (total**2 - (true**2).sum(axis=1)) * (total**2 - (chosen**2).sum(axis=1))
    found: FloatArray = np.where(spread > 0, covariance, 0.0) / np.sqrt(np.maximum(spread, 1.0))
    return found
