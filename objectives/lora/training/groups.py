"""Grouping of trials into passes, with retries after out-of-memory errors and other failures."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any

import torch

from objectives.lora.memory import ran_out
from objectives.lora.training.trial import Trial

log = logging.getLogger("lorasweep")


class MemoryGroups:
    """Divides the running trials into groups that share a pass.

    After an out-of-memory error the maximum group size is halved, for this and all later passes.
    After any other error the group is retried trial by trial, to find the trial that fails. So
    an action on a group must undo its effects if it raises.
    """

    def __init__(self) -> None:
        self._most: int | None = None
        self._errors: dict[int, tuple[Trial, Exception]] = {}

    def each(self, trials: Sequence[Trial], act: Callable[[Sequence[Trial]], None]) -> None:
        """Call ``act`` on all trials, in groups as large as possible.

        Args:
            trials: to act on; failed ones are left out.
            act: called with trials of one model, cached layers, token budget and label shift.
        """
        alike: dict[tuple[Any, ...], list[Trial]] = {}
        for trial in trials:
            settings = trial.settings
            key = id(trial.model), trial.skip, settings.batch_tokens, settings.label_shift
            alike.setdefault(key, []).append(trial)
        for group in alike.values():
            self._act(group, act)

    def _act(self, group: Sequence[Trial], act: Callable[[Sequence[Trial]], None]) -> None:
        group = [trial for trial in group if id(trial) not in self._errors]
        most = self.at_once(len(group))
        if len(group) > most:
            for start in range(0, len(group), most):
                self._act(group[start : start + most], act)
        elif group:
            error = _raised(act, group)
            if error is not None and len(group) == 1:
                self._errors[id(group[0])] = group[0], error
            elif error is not None:
                short = ran_out(error)
                del error  # its traceback references tensors
                self._again(group, act, short_of_memory=short)

    def _again(
        self,
        group: Sequence[Trial],
        act: Callable[[Sequence[Trial]], None],
        *,
        short_of_memory: bool,
    ) -> None:
        if not short_of_memory:
            for trial in group:
                self._act([trial], act)
            return
        self._most = len(group) // 2
        log.warning(
            "memory ran out with %d trials in one pass; going on with %d", len(group), self._most
        )
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        self._act(group, act)

    def at_once(self, trials: int) -> int:
        """How many of this many trials share a pass."""
        return min(trials, self._most or trials)

    def guard(self, trial: Trial, act: Callable[[], object]) -> None:
        """Call ``act`` for one trial; an exception is recorded as this trial's failure."""
        try:
            act()
        except Exception as error:  # noqa: BLE001  # any exception is this trial's failure
            self._errors[id(trial)] = trial, error

    def failed(self, trial: Trial) -> bool:
        """Whether a trial has failed since the last call of ``take_errors``."""
        return id(trial) in self._errors

    def take_errors(self) -> list[tuple[Trial, Exception]]:
        """Return and clear the trials that failed since the last call, with their exceptions."""
        found, self._errors = list(self._errors.values()), {}
        return found


def _raised(act: Callable[[Sequence[Trial]], None], group: Sequence[Trial]) -> Exception | None:
    try:
        act(group)
    except Exception as error:  # noqa: BLE001  # the caller assigns it to a trial
        return error
    return None
