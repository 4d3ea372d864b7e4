"""Evaluations of one trial: scored, reported, checkpointed and resumed."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from typing import Any

from objectives.lora.memory import peak_memory_bytes
from objectives.lora.task import Scores
from objectives.lora.training.checkpoint import (
    Checkpoint,
    Checkpoints,
    restore,
    tensors_of,
    tree_of,
)
from objectives.lora.training.lane import Lane
from sweep.study.trial import Report


@dataclass(frozen=True)
class Point:
    """One evaluation."""

    step: int  # number of steps done
    seconds: float  # wall-clock seconds of those steps
    threshold: float  # that the evaluation chose, see ``Scores``
    figures: dict[str, Any]  # metrics by name


class TrialProgress:
    """Progress of one trial's training, across interrupted runs.

    Args:
        number: the trial's number.
        lane: before its first step; restored from the checkpoint if there is one.
        scores: collects the metrics.
        checkpoints: reads and writes the trial's checkpoint.
        report: takes intermediate values; returns whether to prune the trial.
    """

    def __init__(
        self, number: int, lane: Lane, scores: Scores, checkpoints: Checkpoints, report: Report
    ) -> None:
        self.number = number
        self.lane = lane
        self.scores = scores
        self.points: list[Point] = []  # all evaluations so far
        # of validation after the last step; None before it and in a resumed run
        self.predictions: Any = None
        self._checkpoints = checkpoints
        self._report = report
        self._started = time.perf_counter()
        self._peak = 0
        saved = checkpoints.load()
        if saved is not None:
            self._resume(saved)

    @property
    def over(self) -> bool:
        """Whether the trial was pruned, or has no step and no evaluation left."""
        return self.lane.stopped or (self.lane.done and not self.lane.due)

    @property
    def seconds(self) -> float:
        """Wall-clock seconds of all runs of the trial together."""
        return time.perf_counter() - self._started

    @property
    def peak_memory_bytes(self) -> int:
        """Peak memory in bytes over all runs, including trials trained in the same process."""
        return max(self._peak, peak_memory_bytes(self.lane.model.precision.device))

    def _resume(self, saved: Checkpoint) -> None:
        """Restore a checkpoint and report its evaluations again; they may prune the trial."""
        restore(self.lane, saved.tensors, saved.tree["training"])
        self._started -= saved.tree["seconds"]
        self._peak = saved.tree["peak_memory_bytes"]
        self.points = [Point(**point) for point in saved.tree["points"]]
        for point in self.points:
            self.scores.figures = dict(point.figures)
            self.scores.threshold = point.threshold
            if self._tell(point) and point.step < len(self.lane.plan.batches):
                self.lane.stop_at(point.step, point.seconds)
                return

    def evaluate(self, predictions: Any) -> None:
        """Score the validation split, save a checkpoint and report; may prune the trial."""
        self.predictions = predictions if self.lane.done else None
        step_loss = self.lane.mean_loss()
        self.scores.score_validation(predictions)
        self.scores.figures["step_loss"] = step_loss
        figures = dict(self.scores.figures)
        point = Point(self.lane.steps, self.lane.seconds, self.scores.threshold, figures)
        self.points.append(point)
        self._save()
        # A trial is not pruned after its last step.
        self.lane.stopped = self._tell(point) and not self.lane.done

    def leave(self) -> str:
        """Save a checkpoint before an interruption; return a message with the step reached."""
        kept = "its checkpoint is kept" if self._save() else "it kept no checkpoint"
        steps = len(self.lane.plan.batches)
        return f"left when asked to, after step {self.lane.steps} of {steps}; {kept}"

    def tell_all(self, number: int) -> None:
        """Report all evaluations under the number of a duplicate trial."""
        for point in self.points:
            self._tell(point, number)

    def _tell(self, point: Point, number: int | None = None) -> bool:
        number = self.number if number is None else number
        curve = {k: v for k, v in point.figures.items() if isinstance(v, float)}
        value = self.lane.task.value_of(point.figures)
        return self._report(number, point.step, value, curve)

    def _save(self) -> bool:
        tree = {
            "training": tree_of(self.lane),
            "points": [asdict(point) for point in self.points],
            "seconds": self.seconds,
            "peak_memory_bytes": self.peak_memory_bytes,
        }
        return self._checkpoints.save(Checkpoint(tensors_of(self.lane), tree))
