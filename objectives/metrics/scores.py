"""All metrics of a trial: validation at each evaluation, the other splits at the end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from objectives.metrics.curves import calibration, threshold_curve
from objectives.metrics.intervals import mcc_intervals, pr_auc_interval
from objectives.metrics.metrics import (
    ARGMAX,
    Predictions,
    at_threshold,
    best_threshold,
    evaluate,
    prefixed,
)


class BinaryScores:
    """Collects the metrics of one trial of binary predictions.

    Args:
        ligands: ligand names, the n-th for bit n of the masks.
        seed: of the bootstrap resamples, which trials on the same data share.
    """

    def __init__(self, ligands: Sequence[str], seed: int = 0) -> None:
        self._ligands = tuple(ligands)
        self._seed = seed
        self.threshold = ARGMAX  # the margin that the latest evaluation chose
        self.figures: dict[str, Any] = {}  # all metrics by name, of the latest evaluation

    def score_validation(self, predictions: Predictions) -> None:
        """Score the validation split, whose MCC is the objective, and choose the threshold."""
        self.threshold = best_threshold(predictions)
        self.figures.update(evaluate(predictions, self._ligands))
        self.figures.update(at_threshold(predictions, self.threshold))

    def describe(self, predictions: Predictions, chains: NDArray[np.int64]) -> None:
        """Add curves and intervals of the validation split, computed once at the end.

        Args:
            predictions: those that the latest evaluation scored.
            chains: the chain of each residue; shape (residues,).
        """
        self.figures.update(self._described(predictions, chains))

    def _described(self, predictions: Predictions, chains: NDArray[np.int64]) -> dict[str, Any]:
        return {
            **mcc_intervals(predictions, chains, self.threshold, self._seed),
            "threshold_curve": threshold_curve(predictions, self.threshold),
            "calibration": calibration(predictions),
        }

    def score_train_side(self, predictions: Predictions) -> None:
        """Score a sample of the training windows as ``train_*``, and the gap ``mcc_gap``."""
        figures = evaluate(predictions)
        self.figures.update(prefixed("train", figures))
        self.figures["mcc_gap"] = figures["mcc"] - self.figures["mcc"]

    def score_aligned(self, predictions: Predictions) -> None:
        """Score validation with unshifted labels, for a trial trained with ``label_shift``."""
        self.figures.update(prefixed("aligned", evaluate(predictions)))

    def score_test(self, predictions: Predictions, chains: NDArray[np.int64]) -> None:
        """Score the test split at the threshold chosen on validation.

        Args:
            predictions: of the test split.
            chains: the chain of each residue; shape (residues,).
        """
        figures = evaluate(predictions, self._ligands)
        figures.update(at_threshold(predictions, self.threshold))
        figures.update(self._described(predictions, chains))
        figures.update(pr_auc_interval(predictions, chains, self._seed))
        self.figures.update(prefixed("test", figures))
