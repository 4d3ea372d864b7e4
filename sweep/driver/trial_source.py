"""The order of trials: baselines first, then what the store asks for; some must run alone."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence

from optuna.trial import FrozenTrial

from sweep.driver.trial_store import TrialStore
from sweep.storage.attributes import failure_of
from sweep.storage.errors import retry_while_unreachable
from sweep.study.spec import Baseline
from sweep.study.trial import PACK_DIED, Pack, TrialParams

log = logging.getLogger("lorasweep")


class TrialSource:
    """The trials to run next.

    Args:
        store: the study's trials; this process holds the study's lease.
        check: called while the database server is unreachable; may raise to give up.

    Attributes:
        baselines: the baselines not yet measured when the sweep began, by trial number.
        isolated: started trials that wait for a worker of their own. If the sweep ends first, the
            store closes them and the next driver queues them again.
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
        """Find the baselines not yet measured."""
        owed = retry_while_unreachable(self._store.owed_baselines, self._check)
        self.baselines = {params.number: baseline for baseline, params in owed}
        self._owed_baselines = [params for _, params in owed]

    @property
    def out_of_time(self) -> bool:
        """Whether the time budget is used up; running trials are finished."""
        return self._deadline is not None and time.monotonic() > self._deadline

    def next(self) -> TrialParams | None:
        """Start the next baseline or trial; None if none is due now."""
        if self._owed_baselines:
            return self._owed_baselines.pop(0)
        if self.out_of_time or self._exhausted:
            return None
        if not retry_while_unreachable(self._store.owed, self._check):
            return None
        asked = retry_while_unreachable(self._store.ask, self._check, self._store.recover)
        if asked is None:
            self._exhausted = True
            log.info("every configuration there is to run is done or running")
        return asked

    def next_among_others(self) -> TrialParams | None:
        """Start the next trial that may share a pack; set aside those before it that may not."""
        while (params := self.next()) is not None and self.must_be_alone(params):
            self.isolated.append(params)
        return params

    def next_packs(self, workers: int, lanes: int) -> tuple[list[TrialParams], list[Pack]]:
        """Start as many trials as idle workers have lanes for.

        Returns:
            The trials that each need a worker alone, and packs of nearly equal size for the other
            workers.
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
        """Whether a trial must run alone, because it might kill a whole pack; see ``PACK_DIED``."""
        if params.number in self.baselines or not self._store.retries(params.number):
            return False  # most trials are no retries, and reading a large study is slow
        study = self._store.study
        trials = retry_while_unreachable(lambda: study.get_trials(deepcopy=False), self._check)
        return died_in_a_pack(trials, params.number)

    def ended(self) -> None:
        """Record that a trial finished; if it is due again, there are trials left to run."""
        if self._exhausted:
            self._exhausted = not retry_while_unreachable(self._store.waits, self._check)


def died_in_a_pack(trials: Sequence[FrozenTrial], number: int) -> bool:
    """Whether a trial is a direct or indirect retry of one whose worker died with a shared pack."""
    earlier: int | None = trials[number].user_attrs.get("retry_of")
    while earlier is not None and 0 <= earlier < number:  # a study edited by hand may hold a cycle
        failure = failure_of(trials[earlier])
        if failure is not None and failure.kind == PACK_DIED:
            return True
        number, earlier = earlier, trials[earlier].user_attrs.get("retry_of")
    return False
