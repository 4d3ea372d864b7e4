"""Who else is told of each trial that is over: Optuna's kind of callbacks, kept from harm."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable

import optuna
from optuna.trial import FrozenTrial

log = logging.getLogger("lorasweep")

Callback = Callable[[optuna.Study, FrozenTrial], None]
"""As ``optuna.Study.optimize`` takes them: called with the study and a trial that has ended."""


class Callbacks:
    """Callbacks of one study; what one of them raises never reaches the sweep.

    Args:
        study: the study.
        callbacks: called in order. One that raises is called no more in this run.
    """

    def __init__(self, study: optuna.Study, callbacks: Iterable[Callback] = ()) -> None:
        self._study = study
        self._callbacks = list(callbacks)

    def tell(self, number: int) -> None:
        """Tell of a trial, once its end is in the database.

        Raises:
            StorageError: if the trial cannot be read; none has been told of it then.
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
                log.warning("%s failed at trial %d and is told no more (%s)", name, number, said)
