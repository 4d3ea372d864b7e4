"""Which lanes share a pass, and what becomes of them when one fails or memory runs out."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any

import torch

from objectives.lora.memory import ran_out
from objectives.lora.training.trial import Trial

log = logging.getLogger("lorasweep")


class MemoryGroups:
    """Cuts the trials under way into passes.

    A pass that runs out of memory is made again in halves, and so is every later one. One
    that fails otherwise is made again lane by lane, so that the fault finds its trial. What
    is done to a group must therefore be undone by itself when it raises.
    """

    def __init__(self) -> None:
        self._most: int | None = None
        self._errors: dict[int, tuple[Trial, Exception]] = {}

    def each(self, trials: Sequence[Trial], act: Callable[[Sequence[Trial]], None]) -> None:
        """Act on all trials, as many at once as can be.

        Args:
            trials: those already failed are left out.
            act: is called with trials of one model, one number of cached layers, one
                token budget and one set of labels.
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
                del error  # its traceback holds tensors
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
        """Of so many, how many share a pass."""
        return min(trials, self._most or trials)

    def guard(self, trial: Trial, act: Callable[[], object]) -> None:
        """Do what concerns one trial alone; what it raises is that trial's failure."""
        try:
            act()
        except Exception as error:  # noqa: BLE001  # whatever it is, it is this trial's
            self._errors[id(trial)] = trial, error

    def failed(self, trial: Trial) -> bool:
        """Whether something was raised in a trial that ``take_errors`` has not given yet."""
        return id(trial) in self._errors

    def take_errors(self) -> list[tuple[Trial, Exception]]:
        """The trials in which something was raised since the last call, and what."""
        found, self._errors = list(self._errors.values()), {}
        return found


def _raised(act: Callable[[Sequence[Trial]], None], group: Sequence[Trial]) -> Exception | None:
    try:
        act(group)
    except Exception as error:  # noqa: BLE001  # the caller decides whose it is
        return error
    return None
