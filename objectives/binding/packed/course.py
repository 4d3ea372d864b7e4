"""The course of one trial's training: evaluated, reported, checkpointed, interrupted, resumed."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from typing import Any

from objectives.binding.checkpoint import Checkpoint, Checkpoints
from objectives.binding.finetune import Training, finetune
from objectives.binding.memory import peak_memory_bytes
from objectives.binding.scores import Scores
from objectives.binding.snapshot import restore, tensors_of, tree_of
from sweep.trial import Leave, Report


class LeftError(Exception):
    """A trial was asked to leave, and did."""


@dataclass(frozen=True)
class Point:
    """One evaluation.

    Attributes:
        step: steps done.
        seconds: wall-clock seconds of those steps.
        threshold: the margin it chose.
        figures: all it measured.
    """

    step: int
    seconds: float
    threshold: float
    figures: dict[str, Any]


class Course:
    """One trial's training, over as many runs as it takes.

    Args:
        number: the trial's number.
        training: at its first step.
        scores: evaluates it.
        checkpoints: where it may go on from, and what it leaves for a later run.
        report: takes intermediate values; may stop the trial.
        leave: asked after each step.

    Attributes:
        training: the training.
        scores: its figures.
    """

    def __init__(
        self,
        number: int,
        training: Training,
        scores: Scores,
        checkpoints: Checkpoints,
        report: Report,
        leave: Leave,
    ) -> None:
        self._number = number
        self.training = training
        self.scores = scores
        self._checkpoints = checkpoints
        self._report = report
        self._leave = leave
        self._points: list[Point] = []
        self._started = time.perf_counter()
        self._peak = 0

    @property
    def seconds(self) -> float:
        """Wall-clock seconds of all runs of the trial together."""
        return time.perf_counter() - self._started

    @property
    def peak_memory_bytes(self) -> int:
        """The most memory in any of them."""
        return max(self._peak, peak_memory_bytes(self.training.learner.precision.device))

    def run(self) -> None:
        """Train to the end, from a checkpoint if there is one.

        Raises:
            LeftError: if asked to leave, after the step in hand.
            NonFiniteLossError: as soon as the loss is NaN or infinite.
        """
        saved = self._checkpoints.load()
        if saved is not None:
            self._resume(saved)
        finetune(self.training, self._evaluate, self._stepped)

    def _resume(self, saved: Checkpoint) -> None:
        """Go on where another run left, having reported what it had reported."""
        restore(self.training, saved.tensors, saved.tree["training"])
        self._started -= saved.tree["seconds"]
        self._peak = saved.tree["peak_memory_bytes"]
        self._points = [Point(**point) for point in saved.tree["points"]]
        for point in self._points:
            self.scores.figures = dict(point.figures)
            self.scores.threshold = point.threshold
            if self._tell(point) and point.step < len(self.training.plan.batches):
                self.training.stop_at(point.step, point.seconds)
                return

    def _evaluate(self, step: int, step_loss: float) -> bool:
        self.scores.score_validation()
        self.scores.figures["step_loss"] = step_loss
        figures = dict(self.scores.figures)
        point = Point(step, self.training.seconds, self.scores.threshold, figures)
        self._points.append(point)
        self._save()
        return self._tell(point)

    def _tell(self, point: Point) -> bool:
        curve = {k: v for k, v in point.figures.items() if isinstance(v, float)}
        return self._report(self._number, point.step, point.figures["mcc"], curve)

    def _stepped(self) -> None:
        if self._leave():
            kept = "its checkpoint is kept" if self._save() else "it kept no checkpoint"
            step, steps = self.training.steps, len(self.training.plan.batches)
            raise LeftError(f"left when asked to, after step {step} of {steps}; {kept}")

    def _save(self) -> bool:
        tree = {
            "training": tree_of(self.training),
            "points": [asdict(point) for point in self._points],
            "seconds": self.seconds,
            "peak_memory_bytes": self.peak_memory_bytes,
        }
        return self._checkpoints.save(Checkpoint(tensors_of(self.training), tree))
