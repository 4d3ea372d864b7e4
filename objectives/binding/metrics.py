"""How good a trial's predictions are, over every labelled residue once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit
from sklearn.metrics import (
    accuracy_score,
    average_precision_score,
    confusion_matrix_at_thresholds,
    matthews_corrcoef,
    precision_recall_fscore_support,
    roc_auc_score,
)

ARGMAX = 0.0
"""The margin above which argmax predicts binding (probability 0.5)."""


@dataclass(frozen=True)
class Predictions:
    """A model's output on labelled residues.

    Attributes:
        margin: log-odds of binding, logit 1 minus logit 0; shape (residues,). It orders
            residues as the probability does, without rounding to ties near 0 and 1.
        labels: 1 binding, 0 not; shape (residues,).
        ligands: bit mask of the ligands each residue binds; shape (residues,).
    """

    margin: NDArray[np.float64]
    labels: NDArray[np.int64]
    ligands: NDArray[np.int64]


def evaluate(predictions: Predictions, ligands: Sequence[str] = ()) -> dict[str, Any]:
    """Every threshold-free and argmax figure, as JSON values.

    MCC at argmax is the objective, as on the model card: residues that bind are rare,
    and accuracy would reward predicting none. A figure that is not defined (an AUC with
    one class) is None; MCC with an empty margin is 0 and flagged ``degenerate``.

    Source: Matthews 1975, doi:10.1016/0005-2795(75)90109-9.

    Args:
        predictions: of one split, which holds at least one labelled residue.
        ligands: ligand names by bit; with any, adds the ``per_ligand`` table.
    """
    labels, margin = predictions.labels, predictions.margin
    both = 0 < int(labels.sum()) < len(labels)
    figures = {
        **decided(predictions, ARGMAX),
        "accuracy": float(accuracy_score(labels, margin > ARGMAX)),
        "roc_auc": float(roc_auc_score(labels, margin)) if both else None,
        "pr_auc": float(average_precision_score(labels, margin)) if both else None,
        "loss": cross_entropy(predictions),
        "residues": len(labels),
        "positives": int(labels.sum()),
    }
    if ligands:
        figures["per_ligand"] = per_ligand(predictions, ligands)
    return figures


def decided(predictions: Predictions, threshold: float) -> dict[str, Any]:
    """The figures of the decision ``margin > threshold``."""
    labels, chosen = predictions.labels, predictions.margin > threshold
    precision, recall, f1, _ = precision_recall_fscore_support(
        labels, chosen, average="binary", zero_division=0.0
    )
    positives, predicted = int(labels.sum()), int(chosen.sum())
    degenerate = any(count in (0, len(labels)) for count in (positives, predicted))
    return {
        "mcc": 0.0 if degenerate else float(matthews_corrcoef(labels, chosen)),
        "precision": float(precision),
        "recall": float(recall),
        "f1": float(f1),
        "predicted_positives": predicted,
        "degenerate": degenerate,
    }


def cross_entropy(predictions: Predictions) -> float:
    """Mean unweighted cross-entropy in nats, exact far from probability 0.5."""
    sign = np.where(predictions.labels == 1, -1.0, 1.0)
    return float(np.logaddexp(0.0, sign * predictions.margin).mean())


def best_threshold(predictions: Predictions) -> float:
    """The margin above which predicting binding gives the highest MCC.

    Chosen on validation and applied elsewhere: on the split it was chosen on, the MCC at
    it is optimistic. Half-way between two observed margins, so that it does not hang on
    the last bit of one residue. ``ARGMAX`` when only one class is there.
    """
    labels, margin = predictions.labels, predictions.margin
    if not 0 < int(labels.sum()) < len(labels):
        return ARGMAX
    tn, fp, fn, tp, thresholds = confusion_matrix_at_thresholds(labels, margin)
    scale = np.sqrt((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn))
    scores = np.divide(tp * tn - fp * fn, scale, out=np.zeros_like(scale), where=scale > 0)
    best = int(np.argmax(scores))
    below = thresholds[best + 1] if best + 1 < len(thresholds) else thresholds[best] - 1.0
    return float((thresholds[best] + below) / 2)


def at_threshold(predictions: Predictions, threshold: float) -> dict[str, Any]:
    """The decision's figures, named ``*_at_threshold``, with the threshold as a probability."""
    figures = decided(predictions, threshold)
    kept = ("mcc", "f1", "precision", "recall")
    named = {f"{name}_at_threshold": figures[name] for name in kept}
    return {"threshold": float(expit(threshold)), **named}


def per_ligand(predictions: Predictions, names: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Figures for each ligand: its residues against those that bind nothing, over all chains.

    Residues of other ligands are left out, since predicting them is right.
    """
    table: dict[str, dict[str, Any]] = {}
    for bit, name in enumerate(names):
        binds = (predictions.ligands >> bit) & 1 == 1
        kept = binds | (predictions.labels == 0)
        part = Predictions(
            predictions.margin[kept], binds[kept].astype(np.int64), predictions.ligands[kept]
        )
        if part.labels.any():
            figures = evaluate(part)
            table[name] = {key: figures[key] for key in ("mcc", "recall", "roc_auc", "positives")}
    return table


def prefixed(prefix: str, figures: Mapping[str, Any]) -> dict[str, Any]:
    """The same figures under ``prefix_*`` names."""
    return {f"{prefix}_{name}": value for name, value in figures.items()}
