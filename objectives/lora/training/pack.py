"""Train a pack of trials together; a finished trial is replaced by the next one."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from objectives.data.prepare.windows import Windows
from objectives.lora.settings import BindingSettings
from objectives.lora.training.evaluate import predict
from objectives.lora.training.groups import MemoryGroups
from objectives.lora.training.step import step
from objectives.lora.training.trial import Trial
from sweep.study.trial import Leave, Pack, Refill, Report, TrialParams, TrialResult

Enter = Callable[[TrialParams], Trial]  # starts a trial; raises if it cannot be started
Failed = Callable[[TrialParams, Exception, float], TrialResult]
"""Turns an exception into the result of a failed trial; the float is the seconds spent."""


@dataclass(frozen=True)
class DuplicateTrial:
    """A trial that gets the result of a running trial with the same key; see ``Trial.key``."""

    params: TrialParams  # of the duplicate
    settings: BindingSettings  # may differ without effect, such as in the target set at rank 0
    details: Mapping[str, Any]  # of the duplicate


class PackTrainer:
    """Trains the trials of a pack and collects their results.

    Args:
        enter: starts a trial.
        failed: turns an exception into a result.
        report: takes intermediate values.
        leave: called before trials start and after each step; if true, all trials stop.
        refill: takes a result and returns the next trial, or None; if None, ``run`` returns all.
    """

    def __init__(
        self, enter: Enter, failed: Failed, report: Report, leave: Leave, refill: Refill | None
    ) -> None:
        self._enter = enter
        self._failed = failed
        self._report = report
        self._leave = leave
        self._refill = refill
        self._leaving = False
        self._trials: list[Trial] = []
        self._duplicates: dict[int, list[DuplicateTrial]] = {}
        self._results: list[TrialResult] = []
        self._groups = MemoryGroups()

    def run(self, pack: Pack) -> list[TrialResult]:
        """Train all trials of a pack and those that replace them.

        Returns:
            All results, if there is no ``refill``; else those of interrupted trials only.
        """
        waiting = list(pack)
        try:
            while waiting or self._trials:
                if self._leaving or (waiting and self._leave()):
                    return [*self._results, *self._called_away(waiting)]
                waiting = self._admit(waiting) if waiting else self._turn()
            return self._results
        finally:
            for trial in self._trials:
                trial.dismiss()

    def _admit(self, waiting: Sequence[TrialParams]) -> list[TrialParams]:
        """Start trials; return the trials that replace those that failed to start."""
        following: list[TrialParams] = []
        for params in waiting:
            started = time.perf_counter()
            try:
                trial = self._enter(params)
            except Exception as error:  # noqa: BLE001  # a failed trial, not a failed pack
                result = self._failed(params, error, time.perf_counter() - started)
                following += self._settle(result)
                continue
            leader = next((t for t in self._trials if t.key == trial.key), None)
            if leader is None:
                self._trials.append(trial)
            else:  # the same training: run once, with the result for both
                trial.dismiss()
                duplicate = DuplicateTrial(params, trial.settings, trial.details())
                self._duplicates.setdefault(leader.params.number, []).append(duplicate)
        return following

    def _turn(self) -> list[TrialParams]:
        """Run the evaluations that are due and finish trials; if none, step every lane."""
        due = [trial for trial in self._trials if trial.lane.due]
        self._groups.each(due, self._evaluate)
        waiting = self._lost()
        for trial in [trial for trial in self._trials if trial.progress.over]:
            waiting += self._finish(trial)
        if waiting or due:
            return waiting
        self._groups.each(self._trials, lambda group: step(group, self._groups.guard))
        self._leaving = self._leave()
        return self._lost()

    def _evaluate(self, group: Sequence[Trial]) -> None:
        made = self._predict(group, group[0].validation)
        for trial, predictions in zip(group, made, strict=True):
            self._groups.guard(trial, partial(trial.validate, predictions))

    def _finish(self, trial: Trial) -> list[TrialParams]:
        """Finish a trial; return the trials that replace it and its duplicates."""
        made: list[TrialResult] = []

        def end(group: Sequence[Trial]) -> None:
            made.append(trial.finish(lambda windows: self._predict(group, windows)[0]))
            for duplicate in self._duplicates.get(trial.params.number, []):
                trial.keep(duplicate.params, duplicate.settings)

        self._groups.each([trial], end)
        return self._over(trial, made[0]) if made else self._lost()

    def _lost(self) -> list[TrialParams]:
        """Remove the trials that failed; return the trials that replace them."""
        waiting: list[TrialParams] = []
        for trial, error in self._groups.take_errors():
            waiting += self._over(trial, self._failed(trial.params, error, trial.seconds))
        return waiting

    def _over(self, trial: Trial, result: TrialResult) -> list[TrialParams]:
        """Remove a trial, settle its result and its duplicates'; return the replacements."""
        trial.dismiss()
        self._trials.remove(trial)
        waiting = self._settle(result)
        for duplicate in self._duplicates.pop(result.number, []):
            number = duplicate.params.number
            details = {**duplicate.details, "same_as": result.number}
            trial.progress.tell_all(number)
            waiting += self._settle(replace(result, number=number, details=details))
        return waiting

    def _settle(self, result: TrialResult) -> list[TrialParams]:
        """Pass a result to ``refill``, or store it; return the next trial, if there is one."""
        if self._refill is None:
            self._results.append(result)
            return []
        following = self._refill(result)
        return [] if following is None else [following]

    def _called_away(self, waiting: Sequence[TrialParams]) -> list[TrialResult]:
        """Checkpoint all lanes; return results of interrupted trials, ``waiting`` included."""
        before = list(waiting)
        left: list[TrialResult] = []
        for trial in self._trials:
            number, message = trial.params.number, trial.leave()
            left.append(TrialResult.interrupted(number, message, trial.seconds))
            before += [duplicate.params for duplicate in self._duplicates.pop(number, [])]
        said = "left when asked to, before its start"
        return left + [TrialResult.interrupted(params.number, said) for params in before]

    def _predict(self, group: Sequence[Trial], windows: Windows) -> list[Any]:
        first = group[0]
        lanes = [trial.lane.adapters for trial in group]
        budget = first.settings.batch_tokens
        if first.model.batched:
            # Only some lanes are evaluated at a time. Give them as many tokens as a training step
            # of all lanes, which needs far more memory than an evaluation.
            beside = sum(trial.model is first.model for trial in self._trials)
            budget *= max(1, self._groups.at_once(beside) // len(group))
        return predict(first.task, first.model, lanes, windows, budget, first.skip)
