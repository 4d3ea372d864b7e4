"""What is measured on a trial: validation at each evaluation, the other splits at the end."""

from __future__ import annotations

from typing import Any

from objectives.binding.collate import Windows
from objectives.binding.inputs import Inputs
from objectives.binding.learner import Learner
from objectives.binding.metrics import (
    ARGMAX,
    Predictions,
    at_threshold,
    best_threshold,
    evaluate,
    prefixed,
)
from objectives.binding.predict import predict
from objectives.binding.settings import BindingSettings


class Scores:
    """A trial's figures.

    Args:
        learner: the model, adapters attached.
        settings: the trial's.
        inputs: base and data.

    Attributes:
        figures: all that is measured, with the latest evaluation's values.
        threshold: the margin that the latest evaluation chose.
    """

    def __init__(self, learner: Learner, settings: BindingSettings, inputs: Inputs) -> None:
        self._learner = learner
        self._settings = settings
        self._splits = inputs.splits
        self._ligands = tuple(inputs.data.summary.ligands)
        self.threshold = ARGMAX
        self.figures: dict[str, Any] = {}

    def score_validation(self) -> None:
        """The figures that decide the trial, and the threshold."""
        predictions = self._predict(self._splits.validation)
        self.threshold = best_threshold(predictions)
        self.figures.update(evaluate(predictions, self._ligands))
        self.figures.update(at_threshold(predictions, self.threshold))

    def score_train_side(self) -> None:
        """The same on some of the training windows, for the overfitting gap."""
        if len(self._splits.train_sample):
            figures = evaluate(self._predict(self._splits.train_sample))
            self.figures.update(prefixed("train", figures))
            self.figures["mcc_gap"] = figures["mcc"] - self.figures["mcc"]

    def score_test(self, windows: Windows) -> None:
        """The test split, with the threshold that validation chose."""
        predictions = self._predict(windows)
        figures = evaluate(predictions, self._ligands)
        figures.update(at_threshold(predictions, self.threshold))
        self.figures.update(prefixed("test", figures))

    def _predict(self, windows: Windows) -> Predictions:
        return predict(self._learner, windows, self._settings.batch_tokens)
