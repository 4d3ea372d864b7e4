"""Metrics of binary predictions, over all labelled residues of a split."""

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

from objectives.metrics.confusion import Confusion

ARGMAX = 0.0  # the margin above which argmax predicts binding (probability 0.5)


@dataclass(frozen=True)
class Ranking:
    """Margins of both classes, sorted; all metrics follow by binary search in them."""

    binding: NDArray[np.float64]  # margins of the residues that bind, ascending
    free: NDArray[np.float64]  # margins of those that do not, ascending
    ligands: NDArray[np.int64]  # bit mask of the ligands of each residue in ``binding``

    def confusion(self, threshold: float) -> Confusion:
        """Counts of the decision ``margin > threshold``."""
        fn, tn = (int(np.searchsorted(m, threshold, "right")) for m in (self.binding, self.free))
        return Confusion(len(self.binding) - fn, len(self.free) - tn, fn, tn)

    def decided(self, threshold: float) -> dict[str, Any]:
        """MCC, precision, recall, F1, accuracy and counts of the decision ``margin > threshold``.

        MCC is 0, and ``degenerate`` true, where a row or column of the 2 x 2 table is empty.
        """
        counts = self.confusion(threshold)
        tp, fp, fn, tn = counts
        return {
            "mcc": counts.mcc,
            "precision": tp / max(tp + fp, 1),
            "recall": tp / max(tp + fn, 1),
            "f1": 2 * tp / max(2 * tp + fp + fn, 1),
            "accuracy": (tp + tn) / (tp + fp + fn + tn),
            "predicted_positives": tp + fp,
            "degenerate": counts.degenerate,
        }

    def areas(self) -> dict[str, float | None]:
        """ROC-AUC and average precision; None if a class has no residues.

        ROC-AUC is the share of (positive, negative) pairs ranked correctly, ties counted half,
        which equals the trapezoidal area (Hanley & McNeil 1982,
        doi:10.1148/radiology.143.1.7063747). Average precision is the mean, over residues that
        bind, of the precision at their margin.
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
        """The highest margin m for which the decision ``margin >= m`` has the highest MCC.

        Only margins of binding residues need to be searched: adding a residue that does not
        bind lowers an MCC above 0, and at the lowest margin of a binding residue MCC is never
        below 0. Both classes must have residues.
        """
        positives, size = len(self.binding), len(self.binding) + len(self.free)
        cuts = np.unique(self.binding)[::-1]
        found = positives - np.searchsorted(self.binding, cuts, "left")
        chosen = found + len(self.free) - np.searchsorted(self.free, cuts, "left")
        covariance, spread = found * size - chosen * positives, chosen * (size - chosen)
        scores = covariance / np.sqrt(np.maximum(spread, 1))  # MCC up to a constant factor
        near = np.flatnonzero(scores >= scores.max() * (1 - 1e-12)).tolist()
        exact = [Fraction(int(covariance[i]) ** 2, max(int(spread[i]), 1)) for i in near]
        return float(cuts[near[exact.index(max(exact))]])

    def below(self, cut: float) -> float:
        """The highest observed margin below ``cut``; ``cut - 1`` if there is none."""
        ends = [(m, int(np.searchsorted(m, cut))) for m in (self.binding, self.free)]
        lowest = min(cut - 1.0, math.nextafter(cut, -math.inf))  # cut - 1 == cut if cut is huge
        return max((float(m[end - 1]) for m, end in ends if end), default=lowest)

    def threshold(self, cut: float) -> float:
        """Midpoint of ``cut`` and the next lower margin: ``> threshold`` equals ``>= cut``."""
        below = self.below(cut)
        middle = cut / 2 + below / 2  # (cut + below) / 2 could overflow
        return middle if middle < cut else below  # adjacent floats have no midpoint


@dataclass(frozen=True)
class Predictions:
    """A model's output on labelled residues."""

    # log-odds of binding, logit 1 minus logit 0; shape (residues,). Same order as the
    # probabilities, but without ties from rounding near 0 and 1
    margin: NDArray[np.floating[Any]]
    labels: NDArray[np.int64]  # 1 binding, 0 not
    ligands: NDArray[np.int64]  # bit mask of the ligands each residue binds, 0 with label 0

    @property
    def values(self) -> NDArray[np.floating[Any]]:
        """The margins, which must be finite."""
        return self.margin

    @cached_property
    def ranking(self) -> Ranking:
        """The margins, sorted once for all metrics.

        Raises:
            ValueError: if there are no residues, or a margin is NaN or infinite.
        """
        margin = self.margin.astype(np.float64, copy=False)  # once: searchsorted would copy
        if not len(margin) or not np.isfinite(margin).all():
            raise ValueError("predictions must hold a residue or more, with finite margins only.")
        binds = self.labels == 1
        binding, ligands = margin[binds], self.ligands[binds]
        order = np.argsort(binding)
        return Ranking(binding[order], np.sort(margin[~binds]), ligands[order])


def evaluate(predictions: Predictions, ligands: Sequence[str] = ()) -> dict[str, Any]:
    """All metrics at argmax, and those without a threshold, as JSON values.

    MCC at argmax is the objective: binding residues are rare, so accuracy would reward
    predicting none. An undefined metric (an AUC with one class) is None; MCC is 0 and flagged
    ``degenerate`` where a row or column of the 2 x 2 table is empty.

    Source: Matthews 1975, doi:10.1016/0005-2795(75)90109-9.

    Args:
        predictions: of one split, which holds at least one labelled residue.
        ligands: ligand names, the n-th for bit n; if given, adds the ``per_ligand`` table.

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


def cross_entropy(predictions: Predictions) -> float:
    """Mean unweighted cross-entropy in nats, numerically stable for large margins."""
    sign = np.where(predictions.labels == 1, -1.0, 1.0)
    return float(np.logaddexp(0.0, sign * predictions.margin).mean())


def best_threshold(predictions: Predictions) -> float:
    """The threshold on the margin with the highest MCC.

    Chosen on the validation split and applied to others: on the split it was chosen on, its
    MCC is optimistic. Midway between two observed margins, so that it does not depend on the
    last bit of one residue's margin. ``ARGMAX`` if a class has no residues.
    """
    ranking = predictions.ranking
    if not len(ranking.binding) or not len(ranking.free):
        return ARGMAX
    return ranking.threshold(ranking.best_cut())


def at_threshold(predictions: Predictions, threshold: float) -> dict[str, Any]:
    """Metrics of ``margin > threshold``, named ``*_at_threshold``; the threshold as probability."""
    figures = predictions.ranking.decided(threshold)
    kept = ("mcc", "f1", "precision", "recall")
    named = {f"{name}_at_threshold": figures[name] for name in kept}
    return {"threshold": float(expit(threshold)), **named}


def per_ligand(predictions: Predictions, names: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Metrics per ligand: residues that bind it against residues that bind nothing.

    Residues that bind only other ligands are left out, since predicting them is correct.
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
    """The same metrics, with keys renamed to ``{prefix}_{name}``."""
    return {f"{prefix}_{name}": value for name, value in figures.items()}
