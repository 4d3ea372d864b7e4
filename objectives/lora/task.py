"""The interface of a task: what is predicted, and how it is learned, scored and recorded."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Protocol

import numpy as np
import torch
from datasets import Dataset
from numpy.typing import NDArray

from objectives.data.labels.kind import LabelKind, ignored
from objectives.data.prepare.windows import Windows
from objectives.lora.packed.device import to_device
from objectives.lora.packed.layout import LaneBatch, Layout
from objectives.lora.settings import BindingSettings
from objectives.metrics.intervals import chains_of
from objectives.metrics.task_scores import Figures, Interval, TaskScores
from objectives.seeds import derive
from sweep.errors import TrialError, fault
from sweep.study.measures import Measures
from sweep.study.parameters import is_number

FloatArray = NDArray[np.float64]
CLASS_WEIGHTS = ("none", "balanced")


class Scores(Protocol):
    """Collects the metrics of one trial.

    Attributes:
        figures: all metrics by name, of the latest evaluation.
        threshold: a margin that the latest evaluation chose; 0 where nothing is chosen.
    """

    figures: dict[str, Any]
    threshold: float

    def score_validation(self, predictions: Any) -> None:
        """Score the validation split."""

    def describe(self, predictions: Any, chains: NDArray[np.int64]) -> None:
        """Add what is computed once at the end: intervals and curves of the validation split.

        Args:
            predictions: those that the latest evaluation scored.
            chains: the chain of each prediction.
        """

    def score_train_side(self, predictions: Any) -> None:
        """Score a sample of the training data as ``train_*``."""

    def score_aligned(self, predictions: Any) -> None:
        """Score validation with unshifted labels, for a trial trained with ``label_shift``."""

    def score_test(self, predictions: Any, chains: NDArray[np.int64]) -> None:
        """Score the test split as ``test_*``."""


class Task(ABC):
    """What is predicted: labels, head, loss, predictions and metrics.

    The head is that of a token classifier with ``outputs`` outputs: each token gets logits, from
    which ``loss`` and ``read`` compute what the task needs. A task of whole sequences pools the
    logits of a sequence's tokens, which equals pooling its hidden states, as the last layer is
    linear. So all tasks train packed in the same way.

    Args:
        settings: of the study.
        facts: of the labels, see ``LabelKind.facts``.

    Attributes:
        name: of the task, as in ``settings.task``.
        labels: the kind of label.
        measures: the metrics, tables and curves.
        figures: all metrics of predictions, for ``scores``.
        interval: their confidence intervals, for ``scores``.
        pools: whether it pools over the tokens of a sequence.
        class_weights: words that ``class_weight`` may be.
        number_weights: whether it may be a number too.
        needs_facts: whether the head depends on the labels in the data.
    """

    name: ClassVar[str]
    labels: ClassVar[Callable[[str | None], LabelKind]]
    measures: ClassVar[Measures]
    figures: ClassVar[Figures]
    interval: ClassVar[Interval]
    needs_facts: ClassVar[bool] = True
    pools: ClassVar[bool] = False
    class_weights: ClassVar[tuple[str, ...]] = ("none",)
    number_weights: ClassVar[bool] = False

    def __init__(self, settings: BindingSettings, facts: Mapping[str, Any]) -> None:
        self.settings = settings
        self.facts = dict(facts)

    @classmethod
    def faults(cls, settings: BindingSettings) -> list[str]:
        """The errors of settings that mean nothing in this task."""
        found = []
        names = [metric.name for metric in cls.optimisable()]
        if settings.metric not in {None, *names}:
            rule = f"be one of {', '.join(names)}, which {cls.name} measures"
            found.append(fault("settings.metric", rule, settings.metric))
        if settings.pooling != "mean" and not cls.pools:
            rule = f"be 'mean', its default, in {cls.name}, which pools nothing"
            found.append(fault("settings.pooling", rule, settings.pooling))
        if settings.class_weight not in cls.class_weights and not (
            is_number(settings.class_weight) and cls.number_weights
        ):
            rule = f"be {' or '.join(map(repr, cls.class_weights))} in {cls.name}"
            found.append(fault("settings.class_weight", rule, settings.class_weight))
        return found

    @classmethod
    def optimisable(cls) -> list[Any]:
        """The metrics of which higher or lower is better."""
        return [each for each in cls.measures.metrics if each.higher_is_better is not None]

    @property
    @abstractmethod
    def outputs(self) -> int:
        """Number of outputs of the head."""

    @property
    def bootstrap_seed(self) -> int:
        """Seed of the resamples of intervals, which trials on the same data share."""
        return derive(self.settings.data_seed, "bootstrap")

    @property
    def metric(self) -> str:
        """Name of the metric that is a trial's value."""
        return self.settings.metric or self.measures.value.name

    def value_of(self, figures: Mapping[str, Any]) -> float:
        """A trial's value.

        Raises:
            TrialError: if the metric is undefined, as an area of one class is.
        """
        value = figures[self.metric]
        if value is None:
            way_out = "Optimise another metric, or give a validation split with every class"
            raise TrialError(fault(self.metric, "be defined", value, way_out=way_out))
        return float(value)

    def weight(self, windows: Windows, device: torch.device) -> torch.Tensor | None:
        """Weights of the classes in the loss, shape (classes,); None for equal weights."""
        del windows, device
        return None

    @abstractmethod
    def loss(
        self, logits: torch.Tensor, batch: LaneBatch, weight: torch.Tensor | None
    ) -> torch.Tensor:
        """The loss of a lane's batch.

        Args:
            logits: in float32, shape (tokens, outputs).
            batch: that they were computed from.
            weight: see ``weight``.
        """

    def losses(
        self, logits: torch.Tensor, layout: Layout, weights: Sequence[torch.Tensor | None]
    ) -> torch.Tensor:
        """The loss of each lane of a pass, shape (lanes,).

        Args:
            logits: in float32, shape (lanes, places, outputs).
            layout: of the pass.
            weights: of each lane.
        """
        each = zip(logits, layout.shares, weights, strict=True)
        return torch.stack([self.loss(row[: b.tokens], b, w) for row, b, w in each])

    def places(self, windows: Windows) -> NDArray[np.int64]:
        """Where the predictions of each unit of a split begin, shape (units + 1,)."""
        return np.concatenate([[0], np.cumsum(windows.known)])

    def chains(self, split: Dataset, windows: Windows) -> NDArray[np.int64]:
        """The chain of each prediction of a split, in the order of ``read``.

        Args:
            split: the prepared split.
            windows: all windows of the same split.
        """
        return chains_of(split, windows)

    @abstractmethod
    def read(self, logits: torch.Tensor, batch: LaneBatch) -> torch.Tensor:
        """What is kept of a batch's logits as predictions.

        Args:
            logits: in float32, shape (lanes, tokens, outputs).
            batch: of whole units.

        Returns:
            In float64, shape (lanes, predictions, width), unit after unit.
        """

    @abstractmethod
    def predictions(self, values: FloatArray, windows: Windows) -> Any:
        """The predictions of a split, to be scored.

        Args:
            values: what ``read`` kept of the split, shape (predictions, width).
            windows: the split.
        """

    def scores(self, ligands: Sequence[str]) -> Scores:
        """A new collection of metrics, by default those of ``figures`` and ``interval``.

        Args:
            ligands: names of the data's ligands, in bit order.
        """
        del ligands
        own = type(self)
        return TaskScores(self.metric, own.figures, own.interval, self.bootstrap_seed)

    def record(self, scores: Scores) -> dict[str, Any]:
        """What a kept adapter's ``trial.json`` says of the task and the trial's scores."""
        value = self.value_of(scores.figures)
        return {"task": self.name, "facts": self.facts, "metric": self.metric, "value": value}


def labelled(batch: LaneBatch, device: torch.device) -> torch.Tensor:
    """Indices of the tokens of a batch that have a label, shape (labelled,)."""
    return to_device(np.flatnonzero(~ignored(batch.read())), device)
