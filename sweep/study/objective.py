"""The interface between the framework and an objective, which runs the trials.

The framework imports an objective by the dotted name in the spec and depends on nothing else of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from sweep.study.measures import Curve, Measures, Metric, Table
from sweep.study.space import Space
from sweep.study.trial import Leave, Pack, Refill, Report, TrialResult, no_refill, stay


@dataclass(frozen=True)
class ObjectiveInfo:
    """What an objective depends on beyond the spec, as found on this machine.

    Attributes:
        fingerprints: input name (``data``, ``base``) to a digest of its *content*, so that a moved
            folder is the same input and a changed file is not.
        versions: package name to version.
        workers: recommended number of worker processes on this machine.
        pack: recommended number of trials per worker.
        about: JSON-ready description of the inputs (sizes, names, parameters).
        pinned: settings that were left to the machine and must be the same for all trials of a
            study. A study stores those of the machine that began it, and its objective is built
            with them from then on.
        metrics: what it measures, first the metric that is the trial's value. Status, report and
            model card name the metrics by these.
        tables: tables of the best trial in a report.
        curves: figures of the best trial in a report.
    """

    fingerprints: Mapping[str, str] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    workers: int = 1
    pack: int = 1
    about: Mapping[str, Any] = field(default_factory=dict)
    pinned: Mapping[str, Any] = field(default_factory=dict)
    metrics: tuple[Metric, ...] = ()
    tables: tuple[Table, ...] = ()
    curves: tuple[Curve, ...] = ()

    @property
    def measures(self) -> Measures:
        """Metrics, tables and curves as one record, which is stored with the study."""
        return Measures(self.metrics, self.tables, self.curves)


class Objective(Protocol):
    """What a trial does. Built once per worker process from settings and inputs."""

    def facts(self) -> ObjectiveInfo:
        """Read the inputs and describe them.

        Raises:
            SweepError: if an input cannot be read.
        """

    def check(self, space: Space, baselines: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """Resolve everything a trial needs, without training.

        Args:
            space: the search space.
            baselines: parameter values of each baseline.

        Returns:
            A JSON-ready report.

        Raises:
            SpecError: lists all faults of the space and settings.
        """

    def run(
        self, pack: Pack, report: Report, leave: Leave = stay, refill: Refill = no_refill
    ) -> list[TrialResult]:
        """Run a pack of trials together; a failed trial is a result, not an exception.

        A finished trial leaves its pack at once: its result goes to ``refill``, which may return
        another trial to run in its place, handled the same way. Each result is passed on once,
        through ``refill`` or in the returned list; if ``refill`` is ``no_refill``, all are
        returned. A trial's result does not depend on the other trials of its pack.

        A trial may save a checkpoint in its ``folder``. When ``leave`` returns True it saves one
        and returns ``TrialResult.interrupted``. When it is run again it continues from there, and
        repeats its earlier reports in order.

        Args:
            pack: the trials to run.
            report: called with intermediate values; returns True to stop the trial.
            leave: called between steps; returns True to stop all trials.
            refill: called with each finished trial's result.

        Returns:
            The results that were not passed to ``refill``.
        """


ObjectiveFactory = Callable[[Mapping[str, Any], Mapping[str, str]], Objective]
"""Builds an objective from settings and inputs; raises ``SpecError`` with all faults of them."""
