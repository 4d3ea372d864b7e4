"""What is measured on a trial: validation at each evaluation, the other splits at the end."""

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
from objectives.seeds import derive


class Scores:
    """A trial's figures.

    Args:
        ligands: the data's ligands by bit.
        data_seed: decides the resamples behind the intervals: the same for trials on the same
            data.

    Attributes:
        figures: all that is measured, with the latest evaluation's values.
        threshold: the margin that the latest evaluation chose.
    """

    def __init__(self, ligands: Sequence[str], data_seed: int = 0) -> None:
        self._ligands = tuple(ligands)
        self._seed = derive(data_seed, "bootstrap")
        self.threshold = ARGMAX
        self.figures: dict[str, Any] = {}

    def score_validation(self, predictions: Predictions) -> None:
        """The figures that decide the trial, and the threshold."""
        self.threshold = best_threshold(predictions)
        self.figures.update(evaluate(predictions, self._ligands))
        self.figures.update(at_threshold(predictions, self.threshold))

    def describe(self, predictions: Predictions, chains: NDArray[np.int64]) -> None:
        """What is told of validation at the end alone: curves and intervals.

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
        """The same on some of the training windows, for the overfitting gap."""
        figures = evaluate(predictions)
        self.figures.update(prefixed("train", figures))
        self.figures["mcc_gap"] = figures["mcc"] - self.figures["mcc"]

    def score_aligned(self, predictions: Predictions) -> None:
        """Validation with its labels in place, for a trial that was trained on shifted ones."""
        self.figures.update(prefixed("aligned", evaluate(predictions)))

    def score_test(self, predictions: Predictions, chains: NDArray[np.int64]) -> None:
        """The test split, with the threshold that validation chose.

        Args:
            predictions: of the test split.
            chains: the chain of each residue; shape (residues,).
        """
        figures = evaluate(predictions, self._ligands)
        figures.update(at_threshold(predictions, self.threshold))
        figures.update(self._described(predictions, chains))
        figures.update(pr_auc_interval(predictions, chains, self._seed))
        self.figures.update(prefixed("test", figures))
