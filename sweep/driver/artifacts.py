"""Which trial is the best so far, and what of its files and the others' stays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from optuna.trial import FrozenTrial, TrialState

from sweep.files.location import text_of
from sweep.storage.studies import best_trial
from sweep.storage.trial_folders import TrialFolders
from sweep.study.spec import StudySpec
from sweep.study.trial import TrialParams, TrialResult


@dataclass(frozen=True)
class Best:
    """The best complete trial.

    Attributes:
        params: what it was.
        value: its value, as measured.
    """

    params: TrialParams
    value: float


class ArtifactRetention:
    """Puts the files of ended trials in order.

    Args:
        spec: names the direction and what to keep.
        folders: where trials keep files.

    Attributes:
        best: the best complete trial; None before the first.
    """

    def __init__(self, spec: StudySpec, folders: TrialFolders) -> None:
        self._spec = spec
        self._folders = folders
        self._sign = 1.0 if spec.direction == "maximize" else -1.0
        self.best: Best | None = None

    def folder(self, params: TrialParams) -> str:
        """Where a trial keeps its files."""
        return text_of(self._folders.of(dict(params.values), params.seed))

    def begin(self, trials: Sequence[FrozenTrial]) -> None:
        """Find the best of a study, and do what a driver that was killed left undone."""
        found = best_trial(trials, self._spec)
        if found is not None and found.value is not None:
            replicate = found.user_attrs.get("replicate", 0)
            params = TrialParams(found.number, found.params, self._seed(found), replicate)
            self.best = Best(params, found.value)
        complete = [
            (dict(trial.params), self._seed(trial))
            for trial in trials
            if trial.state == TrialState.COMPLETE
        ]
        kept = None if self.best is None else self.best.params
        best = None if kept is None else (dict(kept.values), kept.seed)
        self._folders.tidy(complete, best)

    def _seed(self, trial: FrozenTrial) -> int:
        """A trial's seed; one that was told by hand may have none written down."""
        return int(trial.user_attrs.get("seed", self._spec.seeds[0]))

    def settle(self, params: TrialParams, result: TrialResult) -> None:
        """Keep of a trial's files what is still needed; its result is in the study."""
        values, failure = dict(params.values), result.failure
        if failure is not None and (failure.interrupted or self._spec.policy.failure_retries):
            return  # it may be run again, from its checkpoint
        if result.value is None:
            self._folders.discard(values, params.seed)
            return
        before = self.best
        is_best = before is None or self._sign * result.value > self._sign * before.value
        self._folders.settle(values, params.seed, best=is_best)
        if is_best:
            self.best = Best(params, result.value)
            if before is not None:
                self._folders.settle(dict(before.params.values), before.params.seed, best=False)

    def discard(self, params: TrialParams) -> None:
        """Nothing will go on from a trial's files."""
        self._folders.discard(dict(params.values), params.seed)

    def keep_best(self) -> None:
        """What the best trial left while it was trained again is not needed."""
        if self.best is not None:
            params = self.best.params
            self._folders.settle(dict(params.values), params.seed, best=True)
