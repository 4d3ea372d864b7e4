"""How good a trial's predictions are, over every labelled residue once."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

ARGMAX = 0.0
"""The margin above which argmax predicts binding (probability 0.5)."""


@dataclass(frozen=True)
class Ranking:
    """Both classes' margins in order: every figure counts one class around the other.

    Attributes:
        binding: margins of the residues that bind, ascending; shape (positives,).
        free: margins of those that do not, ascending; shape (negatives,).
        ligands: bit mask of each residue in ``binding``; the same shape.
    """

    binding: NDArray[np.float64]
    free: NDArray[np.float64]
    ligands: NDArray[np.int64]

    def decided(self, threshold: float) -> dict[str, Any]:
        """The figures of the decision ``margin > threshold``, from exact counts."""
        fn, tn = (int(np.searchsorted(m, threshold, "right")) for m in (self.binding, self.free))
        tp, fp = len(self.binding) - fn, len(self.free) - tn
        sums = (tp + fp) * (tp + fn) * (tn + fp) * (tn + fn)
        return {
            "mcc": (tp * tn - fp * fn) / math.sqrt(sums) if sums else 0.0,
            "precision": tp / max(tp + fp, 1),
            "recall": tp / max(tp + fn, 1),
            "f1": 2 * tp / max(2 * tp + fp + fn, 1),
            "accuracy": (tp + tn) / (tp + fp + fn + tn),
            "predicted_positives": tp + fp,
            "degenerate": sums == 0,
        }

    def areas(self) -> dict[str, float | None]:
        """ROC-AUC and average precision; None where a class is missing.

        ROC-AUC is the share of pairs in the right order, ties half, to which the trapezoids
        add up (Hanley & McNeil 1982, doi:10.1148/radiology.143.1.7063747). Average precision
        is the mean, over residues that bind, of the precision at their margin.
        """
        positives, negatives = len(self.binding), len(self.free)
        if not positives or not negatives:
            return {"roc_auc": None, "pr_auc": None}
        below, up_to = (np.searchsorted(self.free, self.binding, s) for s in ("left", "right"))
        found = positives - np.searchsorted(self.binding, self.binding, "left")
        return {
            "roc_auc": int((below + up_to).sum()) / (2 * positives * negatives),
            "pr_auc": float((found / (found + negatives - below)).mean()),
        }

    def best_cut(self) -> float:
        """The highest margin such that predicting binding from it on gives the highest MCC.

        It is a margin that binds: with one more residue that does not, an MCC above 0 falls,
        and from the lowest that binds on it is never below 0. Both classes must be there.
        """
        positives, size = len(self.binding), len(self.binding) + len(self.free)
        cuts = np.unique(self.binding)[::-1]
        found = positives - np.searchsorted(self.binding, cuts, "left")
        chosen = found + len(self.free) - np.searchsorted(self.free, cuts, "left")
        covariance, spread = found * size - chosen * positives, chosen * (size - chosen)
        scores = covariance / np.sqrt(np.maximum(spread, 1))  # MCC but for the labels' spread
        near = np.flatnonzero(scores >= scores.max() * (1 - 1e-12)).tolist()
        exact = [Fraction(int(covariance[i]) ** 2, max(int(spread[i]), 1)) for i in near]
        return float(cuts[near[exact.index(max(exact))]])

    def below(self, cut: float) -> float:
        """The next lower margin than ``cut``; below the lowest of all, one that is 1 less."""
        ends = [(m, int(np.searchsorted(m, cut))) for m in (self.binding, self.free)]
        lowest = min(cut - 1.0, math.nextafter(cut, -math.inf))  # huge margins swallow the 1
        return max((float(m[end - 1]) for m, end in ends if end), default=lowest)

    def threshold(self, cut: float) -> float:
        """Half-way to the next lower margin: ``margin > threshold`` is ``margin >= cut``."""
        below = self.below(cut)
        middle = cut / 2 + below / 2  # the sum of huge margins would overflow
        return middle if middle < cut else below  # neighbouring floats have nothing in between


@dataclass(frozen=True)
class Predictions:
    """A model's output on labelled residues.

    Attributes:
        margin: log-odds of binding, logit 1 minus logit 0; shape (residues,). It orders
            residues as the probability does, without rounding to ties near 0 and 1.
        labels: 1 binding, 0 not; shape (residues,).
        ligands: bit mask of the ligands each residue binds, 0 with label 0; shape (residues,).
    """

    margin: NDArray[np.floating[Any]]
    labels: NDArray[np.int64]
    ligands: NDArray[np.int64]

    @cached_property
    def ranking(self) -> Ranking:
        """The margins, sorted once for all figures.

        Raises:
            ValueError: if there is no residue, or a margin is NaN or infinite.
        """
        margin = self.margin.astype(np.float64, copy=False)  # or each search would copy
        if not len(margin) or not np.isfinite(margin).all():
            raise ValueError("predictions must hold a residue or more, with finite margins only.")
        binds = self.labels == 1
        binding, ligands = margin[binds], self.ligands[binds]
        order = np.argsort(binding)
        return Ranking(binding[order], np.sort(margin[~binds]), ligands[order])


def evaluate(predictions: Predictions, ligands: Sequence[str] = ()) -> dict[str, Any]:
    """Every threshold-free and argmax figure, as JSON values.

    MCC at argmax is the objective, as on the model card: residues that bind are rare,
    and accuracy would reward predicting none. A figure that is not defined (an AUC with
    one class) is None; MCC with an empty margin is 0 and flagged ``degenerate``.

    Source: Matthews 1975, doi:10.1016/0005-2795(75)90109-9.

    Args:
        predictions: of one split, which holds at least one labelled residue.
        ligands: ligand names by bit; with any, adds the ``per_ligand`` table.

    Raises:
        ValueError: see ``Predictions.ranking``.
    """
    figures = {
        **predictions.ranking.decided(ARGMAX),
        **predictions.ranking.areas(),
        "loss": cross_entropy(predictions),
        "residues": len(predictions.labels),
        "positives": len(predictions.ranking.binding),
    }
    if ligands:
        figures["per_ligand"] = per_ligand(predictions, ligands)
    return figures


def decided(predictions: Predictions, threshold: float) -> dict[str, Any]:
    """The figures of the decision ``margin > threshold``."""
    return predictions.ranking.decided(threshold)


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
    ranking = predictions.ranking
    if not len(ranking.binding) or not len(ranking.free):
        return ARGMAX
    return ranking.threshold(ranking.best_cut())


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
    whole = predictions.ranking
    for bit, name in enumerate(names):
        binds = (whole.ligands >> bit) & 1 == 1
        if binds.any():
            part = Ranking(whole.binding[binds], whole.free, whole.ligands[binds])
            figures = {**part.decided(ARGMAX), **part.areas(), "positives": len(part.binding)}
            table[name] = {key: figures[key] for key in ("mcc", "recall", "roc_auc", "positives")}
    return table


def prefixed(prefix: str, figures: Mapping[str, Any]) -> dict[str, Any]:
    """The same figures under ``prefix_*`` names."""
    return {f"{prefix}_{name}": value for name, value in figures.items()}
