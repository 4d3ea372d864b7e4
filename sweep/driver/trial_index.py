"""An in-memory index of a study's trials, updated by the driver."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from optuna.trial import FrozenTrial, TrialState

from sweep.storage.trial_attributes import counts, failure_of, seed_of, values_of
from sweep.study.configuration import Key, configuration_key
from sweep.study.spec import StudySpec
from sweep.study.trial import Scalar, TrialParams

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
