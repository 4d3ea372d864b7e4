"""What is measured on a trial: validation at each evaluation, the other splits at the end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from objectives.binding.metrics import (
    ARGMAX,
    Predictions,
    at_threshold,
    best_threshold,
    evaluate,
    prefixed,
)


class Scores:
    """A trial's figures.

    Args:
        ligands: the data's ligands by bit.

    Attributes:
        figures: all that is measured, with the latest evaluation's values.
        threshold: the margin that the latest evaluation chose.
    """

    def __init__(self, ligands: Sequence[str]) -> None:
        self._ligands = tuple(ligands)
        self.threshold = ARGMAX
        self.figures: dict[str, Any] = {}

    def score_validation(self, predictions: Predictions) -> None:
        """The figures that decide the trial, and the threshold."""
        self.threshold = best_threshold(predictions)
        self.figures.update(evaluate(predictions, self._ligands))
        self.figures.update(at_threshold(predictions, self.threshold))

    def score_train_side(self, predictions: Predictions) -> None:
        """The same on some of the training windows, for the overfitting gap."""
        figures = evaluate(predictions)
        self.figures.update(prefixed("train", figures))
        self.figures["mcc_gap"] = figures["mcc"] - self.figures["mcc"]

    def score_test(self, predictions: Predictions) -> None:
        """The test split, with the threshold that validation chose."""
        figures = evaluate(predictions, self._ligands)
        figures.update(at_threshold(predictions, self.threshold))
        self.figures.update(prefixed("test", figures))
