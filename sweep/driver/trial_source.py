"""Which trial comes next: baselines, what the store asks for, and what must run by itself."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence

from optuna.trial import FrozenTrial

from sweep.driver.trial_store import TrialStore
from sweep.storage.reconnect import retry_while_unreachable
from sweep.storage.trial_attributes import failure_of
from sweep.study.spec import Baseline
from sweep.study.trial import PACK_DIED, Pack, TrialParams

log = logging.getLogger("lorasweep")


class TrialSource:
    """The trials that wait to be computed.

    Args:
        store: the study, claimed by this process.
        check: asked while the database's server is away; may raise to give up.

    Attributes:
        baselines: those owed when the sweep began, by number.
        aside: begun, and waiting for a worker of their own. If the sweep ends before, they are
            among what the store abandons, and so queued for the next.
    """

    def __init__(self, store: TrialStore, check: Callable[[], None]) -> None:
        self._store = store
        self._check = check
        self._owed_baselines: list[TrialParams] = []
        self._exhausted = False
        seconds = store.spec.budget.seconds
        self._deadline = None if seconds is None else seconds + time.monotonic()
        self.baselines: dict[int, Baseline] = {}
        self.isolated: list[TrialParams] = []

    def begin(self) -> None:
        """Find the baselines that are owed."""
        owed = retry_while_unreachable(self._store.owed_baselines, self._check)
        self.baselines = {params.number: baseline for baseline, params in owed}
        self._owed_baselines = [params for _, params in owed]

    @property
    def out_of_time(self) -> bool:
        """Whether the budget's seconds are over; what runs is finished."""
        return self._deadline is not None and time.monotonic() > self._deadline

    def next(self) -> TrialParams | None:
        """Begin the next baseline or trial; None if none is owed now."""
        if self._owed_baselines:
            return self._owed_baselines.pop(0)
        if (
            self.out_of_time
            or self._exhausted
            or not retry_while_unreachable(self._store.owed, self._check)
        ):
            return None
        asked = retry_while_unreachable(self._store.ask, self._check, self._store.recover)
        if asked is None:
            self._exhausted = True
            log.info("every configuration there is to run is done or running")
        return asked

    def next_among_others(self) -> TrialParams | None:
        """Begin the next that may join a pack; put aside those before it that may not."""
        while (params := self.next()) is not None and self.must_be_alone(params):
            self.isolated.append(params)
        return params

    def next_packs(self, workers: int, lanes: int) -> tuple[list[TrialParams], list[Pack]]:
        """Begin as many as idle workers have lanes for.

        Returns:
            The trials that must each have a worker alone, and packs for the other workers, as
            even as can be.
        """
        ready = min(workers, len(self.isolated)) if not self.out_of_time else 0
        alone, self.isolated = self.isolated[:ready], self.isolated[ready:]
        together: list[TrialParams] = []
        while len(together) < (left := workers - len(alone)) * lanes:
            params = self.next()
            if params is None:
                break
            if not self.must_be_alone(params):
                together.append(params)
            elif len(together) <= (left - 1) * lanes:
                alone.append(params)
            else:
                self.isolated.append(params)
        left = workers - len(alone)
        return alone, [together[first::left] for first in range(min(left, len(together)))]

    def must_be_alone(self, params: TrialParams) -> bool:
        """Whether a trial might take a whole pack with it; see ``PACK_DIED``."""
        if params.number in self.baselines or not self._store.retries(params.number):
            return False  # most are none, and reading a large study takes its time
        study = self._store.study
        trials = retry_while_unreachable(lambda: study.get_trials(deepcopy=False), self._check)
        return died_in_a_pack(trials, params.number)

    def ended(self) -> None:
        """A trial is over; if it is to be run again, there is something to run after all."""
        if self._exhausted:
            self._exhausted = not retry_while_unreachable(self._store.waits, self._check)


def died_in_a_pack(trials: Sequence[FrozenTrial], number: int) -> bool:
    """Whether a trial runs one again, at whatever remove, that died in a pack with others.

    Read off the study, so that the next driver knows it as well.
    """
    earlier: int | None = trials[number].user_attrs.get("retry_of")
    while earlier is not None and 0 <= earlier < number:  # a study edited by hand may hold a ring
        failure = failure_of(trials[earlier])
        if failure is not None and failure.kind == PACK_DIED:
            return True
        number, earlier = earlier, trials[earlier].user_attrs.get("retry_of")
    return False
