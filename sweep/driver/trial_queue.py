"""Queue the trials a study still needs: design points, retries, further seeds, and reruns."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import optuna
from optuna.trial import FrozenTrial, TrialState

from sweep.driver.trial_index import TrialIndex
from sweep.storage.pending_trials import (
    PendingTrial,
    owed_replicates,
    owed_reruns,
    pending_points,
    pending_retries,
    replicate,
)
from sweep.storage.trial_attributes import Values
from sweep.study.design import Pilot, Point
from sweep.study.spec import StudySpec


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
        for kind in (pending_retries, owed_reruns, owed_replicates):
            for owed in list(kind(self._trials(), self._spec)):
                self.add(owed)

    def add(self, owed: PendingTrial) -> None:
        """Queue a trial, with one write to the storage."""
        self._study.enqueue_trial(dict(owed.values), user_attrs=dict(owed.tags))
        self._index.note(owed.values)

    def add_replicates(self, values: Values) -> None:
        """Queue a configuration of the search with all further seeds of the study."""
        for number in range(1, len(self._spec.seeds)):
            self.add(replicate(values, number, self._spec))

    def add_point(self) -> None:
        """Queue the design's next point if no trial is waiting."""
        if self._through or self._spec.design is None or self.waits():
            return
        phase = self._spec.design.phase
        following = list(itertools.islice(pending_points(self._trials(), self._points, phase), 1))
        self._through = not following
        for owed in following:
            self.add(owed)

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
