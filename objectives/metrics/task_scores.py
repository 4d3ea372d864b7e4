"""All metrics of a trial of a task whose metrics need no threshold."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from objectives.metrics.metrics import prefixed

Figures = Callable[[Any], dict[str, Any]]
Interval = Callable[[Any, NDArray[np.int64], int], Mapping[str, Any]]


class TaskScores:
    """Collects the metrics of one trial.

    Args:
        metric: name of the metric that is the trial's value.
        figures: all metrics of predictions.
        interval: confidence intervals of predictions, from their chains and a seed.
        seed: of the bootstrap resamples, which trials on the same data share.
    """

    def __init__(self, metric: str, figures: Figures, interval: Interval, seed: int) -> None:
        self._metric = metric
        self._measure = figures
        self._interval = interval
        self._seed = seed
        self.threshold = 0.0
        self.figures: dict[str, Any] = {}

    def score_validation(self, predictions: Any) -> None:
        """Score the validation split."""
        self.figures.update(self._measure(predictions))

    def describe(self, predictions: Any, chains: NDArray[np.int64]) -> None:
        """Add intervals of the validation split."""
        self.figures.update(self._interval(predictions, chains, self._seed))

    def score_train_side(self, predictions: Any) -> None:
        """Score a sample of the training data as ``train_*``, and the gap of the metric."""
        figures = self._measure(predictions)
        self.figures.update(prefixed("train", figures))
        ends = figures[self._metric], self.figures[self._metric]
        if None not in ends:
            self.figures[f"{self._metric}_gap"] = ends[0] - ends[1]

    def score_aligned(self, predictions: Any) -> None:
        """Score validation with unshifted labels, for a trial trained with ``label_shift``."""
        self.figures.update(prefixed("aligned", self._measure(predictions)))

    def score_test(self, predictions: Any, chains: NDArray[np.int64]) -> None:
        """Score the test split, with intervals."""
        figures = {**self._measure(predictions), **self._interval(predictions, chains, self._seed)}
        self.figures.update(prefixed("test", figures))
