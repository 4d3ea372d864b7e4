"""The best trial so far, and which files of finished trials are kept."""

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
        params: its parameters and seed.
        value: its objective value.
    """

    params: TrialParams
    value: float


class ArtifactRetention:
    """Deletes files of finished trials that are no longer needed and tracks the best trial.

    Args:
        spec: the study's spec; its direction and ``policy.keep`` are used.
        folders: the trials' folders.

    Attributes:
        best: the best complete trial; None before the first.
    """

    def __init__(self, spec: StudySpec, folders: TrialFolders) -> None:
        self._spec = spec
        self._folders = folders
        self._sign = 1.0 if spec.direction == "maximize" else -1.0
        self.best: Best | None = None

    def folder(self, params: TrialParams) -> str:
        """The folder of a trial's files, as text."""
        return text_of(self._folders.of(dict(params.values), params.seed))

    def begin(self, trials: Sequence[FrozenTrial]) -> None:
        """Find the best trial, and finish a cleanup that a killed driver did not complete."""
        found = best_trial(trials, self._spec)
        if found is not None and found.value is not None:
            replicate = found.user_attrs.get("replicate", 0)
            params = TrialParams(found.number, found.params, self._seed(found), replicate)
            self.best = Best(params, found.value)
        ended = (trial for trial in trials if trial.state == TrialState.COMPLETE)
        complete = [(dict(trial.params), self._seed(trial)) for trial in ended]
        kept = None if self.best is None else self.best.params
        best = None if kept is None else (dict(kept.values), kept.seed)
        self._folders.tidy(complete, best)

    def _seed(self, trial: FrozenTrial) -> int:
        """A trial's seed; the study's first seed for a trial that was added without one."""
        return int(trial.user_attrs.get("seed", self._spec.seeds[0]))

    def settle(self, params: TrialParams, result: TrialResult) -> None:
        """Delete the files of a finished trial that are no longer needed.

        Its result must be in the study already. Files of a failed trial that may be retried are
        kept.
        """
        values, failure = dict(params.values), result.failure
        if failure is not None and (failure.interrupted or self._spec.policy.failure_retries):
            return  # may be retried from its checkpoint
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
        """Delete all files of a trial."""
        self._folders.discard(dict(params.values), params.seed)

    def keep_best(self) -> None:
        """Delete what retraining for the final test left, except an adapter that is kept."""
        if self.best is not None:
            params = self.best.params
            self._folders.settle(dict(params.values), params.seed, best=True)
