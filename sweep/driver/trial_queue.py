"""The trials that a study has and those it still needs: an index, a queue, and baselines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import optuna
from optuna.trial import FrozenTrial, TrialState

from sweep.storage import pending_trials as pending
from sweep.storage.attributes import Values, counts, failure_of, seed_of, values_of
from sweep.study.design import Pilot, Point
from sweep.study.space import Key, configuration_key
from sweep.study.spec import Baseline, StudySpec
from sweep.study.trial import Scalar, TrialParams, TrialResult


def owed_baselines(study: optuna.Study, spec: StudySpec) -> list[tuple[Baseline, TrialParams]]:
    """The baselines not yet measured, one per seed, with trial numbers -1, -2, ..."""
    pairs = [
        (baseline, replicate) for baseline in spec.baselines for replicate in range(len(spec.seeds))
    ]
    have = study.user_attrs
    return [
        (baseline, TrialParams(-1 - index, baseline.values, spec.seeds[replicate], replicate))
        for index, (baseline, replicate) in enumerate(pairs)
        if _key(baseline, replicate) not in have
    ]


def write_baseline(
    study: optuna.Study, baseline: Baseline, params: TrialParams, result: TrialResult
) -> None:
    """Store the result of a baseline as a study attribute."""
    record = {
        "name": baseline.name,
        "replicate": params.replicate,
        "values": dict(params.values),
        "value": result.value,
        "metrics": dict(result.metrics),
        "details": dict(result.details),
        "seconds": result.seconds,
    }
    study.set_user_attr(_key(baseline, params.replicate), record)


def _key(baseline: Baseline, replicate: int) -> str:
    return f"baseline:{baseline.name}/{replicate}"


Run = tuple[Key, int]
"""A configuration and a seed, which together determine a trial's result."""


def run_of(params: TrialParams) -> Run:
    """The configuration key and seed of a trial."""
    return configuration_key(params.values), params.seed


class TrialIndex:
    """Counts and indices over a study's trials, so that an ask need not read all of them.

    Args:
        spec: the study's spec.
        trials: all trials of the study.

    Attributes:
        tried: keys of the configurations that have a trial, in whatever state.
        complete: number of trials that count towards the budget: COMPLETE, neither copies of
            another trial nor reruns of a collapsed one.
    """

    def __init__(self, spec: StudySpec, trials: Sequence[FrozenTrial]) -> None:
        self._spec = spec
        self._size = spec.space.size()
        self._tried_here = 0
        self._finished: dict[Run, int] = {}
        self.tried: set[Key] = set()
        self.complete = 0
        for trial in trials:
            self._enter(trial)

    def _enter(self, trial: FrozenTrial) -> None:
        values = values_of(trial, self._spec)
        if values is None:
            return
        self.note(values)
        copied = "reused_from" in trial.user_attrs
        self.complete += trial.state == TrialState.COMPLETE and counts(trial)
        done = trial.state in (TrialState.COMPLETE, TrialState.PRUNED)
        if done and not copied and failure_of(trial) is None:
            run = configuration_key(values), seed_of(trial, self._spec)
            self._finished.setdefault(run, trial.number)

    def note(self, values: Any) -> None:
        """Record that a configuration has a trial."""
        key = configuration_key(values)
        if key not in self.tried:
            self.tried.add(key)
            self._tried_here += self._spec.space.contains(values)

    def finish(self, params: TrialParams, *, counted: bool) -> None:
        """Record that a trial has a result, so that no other trial needs to compute it."""
        self.complete += counted
        self._finished.setdefault(run_of(params), params.number)

    def duplicate_of(self, params: TrialParams) -> int | None:
        """The finished trial with the same configuration and seed; None if there is none."""
        return self._finished.get(run_of(params))

    @property
    def exhausted(self) -> bool:
        """Whether every configuration of a finite space has a trial."""
        return self._size is not None and self._tried_here >= self._size

    def knows(self, values: dict[str, Scalar]) -> bool:
        """Whether a configuration has a trial."""
        return configuration_key(values) in self.tried


class Queue:
    """The queue of WAITING trials of a study.

    Args:
        study: the open study, held by this process.
        spec: the study's spec.
        index: the in-memory index of its trials.
        points: the runs of its design, in order.
    """

    def __init__(
        self, study: optuna.Study, spec: StudySpec, index: TrialIndex, points: Sequence[Point]
    ) -> None:
        self._study = study
        self._spec = spec
        self._index = index
        self._points = points
        self._through = not points

    def _trials(self) -> list[FrozenTrial]:
        return self._study.get_trials(deepcopy=False)

    def owed_again(self) -> None:
        """Queue the retries, reruns and replicates that are due and not queued yet."""
        for kind in (pending.pending_retries, pending.owed_reruns, pending.owed_replicates):
            for owed in list(kind(self._trials(), self._spec)):
                self.add(owed)

    def add(self, owed: pending.PendingTrial) -> None:
        """Queue a trial, with one write to the storage."""
        self._study.enqueue_trial(dict(owed.values), user_attrs=dict(owed.tags))
        self._index.note(owed.values)

    def add_replicates(self, values: Values) -> None:
        """Queue a configuration of the search with all further seeds of the study."""
        for number in range(1, len(self._spec.seeds)):
            self.add(pending.replicate(values, number, self._spec))

    def add_point(self) -> None:
        """Queue the design's next point if no trial is waiting."""
        if self._through or self._spec.design is None or self.waits():
            return
        phase = self._spec.design.phase
        following = next(pending.pending_points(self._trials(), self._points, phase), None)
        self._through = following is None
        if following is not None:
            self.add(following)

    def waits(self) -> bool:
        """Whether a trial is WAITING."""
        return any(trial.state == TrialState.WAITING for trial in self._trials())

    def reruns(self) -> int:
        """The number of WAITING reruns of collapsed trials."""
        if self._spec.design is None:
            return 0
        waiting = (trial for trial in self._trials() if trial.state == TrialState.WAITING)
        return sum("rerun_of" in trial.user_attrs for trial in waiting)

    @property
    def ends(self) -> bool:
        """Whether no trial is sampled once the queue is empty: a pilot has its design only."""
        return self._through and isinstance(self._spec.design, Pilot)
