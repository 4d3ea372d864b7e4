"""Observers of a sweep: progress listeners, and user callbacks after each finished trial."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

import optuna
from optuna.trial import FrozenTrial

from sweep.study.space import Space


def label(space: Space, values: Mapping[str, Any]) -> str:
    """A configuration as short text, with target module sets by their short names."""
    short = space.labels()
    shown = {
        name: f"{value:.3g}" if isinstance(value, float) else short.get(str(value), value)
        for name, value in values.items()
    }
    return " ".join(f"{name}={text}" for name, text in shown.items())


class ProgressListener(Protocol):
    """Receives progress events, for example to draw a progress bar."""

    def started(self, number: int, label: str) -> None:
        """A trial started."""

    def reported(self, number: int, step: int, value: float) -> None:
        """A trial reported an intermediate value."""

    def finished(
        self, state: str, number: int, value: float | None, reason: str | None, seconds: float
    ) -> None:
        """A trial finished."""


class NullListener(ProgressListener):
    """A ``ProgressListener`` that ignores all events, for scripts and tests."""


log = logging.getLogger("lorasweep")

Callback = Callable[[optuna.Study, FrozenTrial], None]
"""A callback as for ``optuna.Study.optimize``: called with the study and a finished trial."""


class Callbacks:
    """The callbacks of one study.

    Args:
        study: the study.
        callbacks: called in order. One that raises is logged and not called again in this run.
    """

    def __init__(self, study: optuna.Study, callbacks: Iterable[Callback] = ()) -> None:
        self._study = study
        self._callbacks = list(callbacks)

    def tell(self, number: int) -> None:
        """Call the callbacks with a finished trial, read from the storage.

        Raises:
            StorageError: if the trial cannot be read; no callback has been called then.
        """
        if not self._callbacks:
            return
        trial = self._study.get_trials(deepcopy=False)[number]
        for callback in self._callbacks[:]:
            try:
                callback(self._study, trial)
            except Exception as error:  # noqa: BLE001  # a tracker must not cost a sweep
                self._callbacks.remove(callback)
                name = getattr(callback, "__name__", type(callback).__name__)
                said = f"{type(error).__name__}: {error}"
                text = "%s failed at trial %d and is not called again (%s)"
                log.warning(text, name, number, said)
