"""The tuning loop: ask for trials, run them on workers, tell the results, until the budget is met.

Only the driver process writes to the database; workers only compute.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile
from typing import TypeVar

from sweep.driver.artifacts import ArtifactRetention
from sweep.driver.failure_policy import FailurePolicy
from sweep.driver.listener import Callbacks, ProgressListener, label
from sweep.driver.trial_source import TrialSource
from sweep.driver.trial_store import TrialStore
from sweep.errors import SweepError
from sweep.signals import Interrupts
from sweep.storage.errors import retry_while_unreachable
from sweep.study.spec import StudySpec
from sweep.study.trial import (
    INTERRUPTED,
    PACK_DIED,
    Failure,
    Pack,
    TrialParams,
    TrialResult,
    with_finite_value,
)
from sweep.workers import messages
from sweep.workers.pool import Pool

log = logging.getLogger("lorasweep")

T = TypeVar("T")


@dataclass
class TuningLoop:
    """Runs the trials of one study.

    Attributes:
        store: the study's trials; this process holds the study's lease.
        retention: deletes files of finished trials.
        launcher: runs packs of trials on workers.
        listener: receives progress events.
        interrupts: signals received; checked between events.
        callbacks: called after each finished trial.
    """

    store: TrialStore
    retention: ArtifactRetention
    launcher: Pool
    listener: ProgressListener
    interrupts: Interrupts
    callbacks: Callbacks

    def __post_init__(self) -> None:
        """Start with no trial running."""
        self.spec: StudySpec = self.store.spec
        self._source = TrialSource(self.store, self.interrupts.check)
        self._running: dict[int, TrialParams] = {}
        self._limits = FailurePolicy(self.spec.policy.on_failure)
        self._stop: SweepError | None = None
        self._leaving = False

    def sweep(self) -> None:
        """Run trials until the budget is met, the space is exhausted, or time is up.

        Raises:
            SweepError: if too many trials fail, or no worker can run.
            StorageError: if the database can no longer be written.
            Interruption: if a signal asked to stop; the running trials have saved checkpoints.
        """
        interrupted = self._durably(self.store.recover)
        if interrupted:
            log.info("%d interrupted trial(s) queued again", interrupted)
        self._source.begin()
        study = self.store.study
        self.retention.begin(self._durably(lambda: study.get_trials(deepcopy=False)))
        while True:
            if not self._leaving and (self.interrupts.number is not None or self._stop):
                self._request_stop()
            if not self._leaving:
                self._fill()
            if not (self._running or self.launcher.busy()):
                break
            if self.interrupts.overdue():
                self.launcher.stop_late()
            self._handle(self.launcher.next_event(timeout_seconds=1.0))
        self.interrupts.check()
        if self._stop is not None:
            raise self._stop
        self._durably(self.store.recover)  # trials left RUNNING by a lost database connection

    def _request_stop(self) -> None:
        self._leaving = True
        if self.interrupts.number is not None and self._running:
            log.info(
                "ending: %d trial(s) finish their step and checkpoint, for which they have %g s; "
                "once more to stop at once",
                len(self._running),
                self.interrupts.grace_seconds,
            )
        self.launcher.request_stop()

    def _fill(self) -> None:
        alone, packs = self._source.next_packs(self.launcher.free(), self.launcher.lanes)
        for params in alone:
            self.launcher.submit([self._started(params)], closed=True)
        for pack in packs:
            self.launcher.submit([self._started(params) for params in pack])
        self._drain_for_isolated()

    def _successor(self) -> TrialParams | None:
        """The trial for a lane that became free; None to leave the lane empty."""
        if self._leaving or self._stop is not None or self.interrupts.number is not None:
            return None
        params = self._source.next_among_others()
        self._drain_for_isolated()
        return None if params is None else self._started(params)

    def _drain_for_isolated(self) -> None:
        if self._source.isolated and not self._source.out_of_time:
            self.launcher.drain_one()

    def _started(self, params: TrialParams) -> TrialParams:
        """Record that a trial started; the trial with its folder, and whether files are kept."""
        self._running[params.number] = params
        baseline = self._source.baselines.get(params.number)
        said = f"baseline: {baseline.name}" if baseline else label(self.spec.space, params.values)
        self.listener.started(params.number, said)
        keep = baseline is None and self.spec.policy.keep != "none"
        return replace(params, keep=keep, folder=self.retention.folder(params))

    def _durably(self, act: Callable[[], T], again: Callable[[], object] | None = None) -> T:
        """Call the database; retry while its server is unreachable and no signal has arrived."""
        return retry_while_unreachable(act, self.interrupts.check, again)

    def _handle(self, event: messages.Event | None) -> None:
        match event:
            case messages.TrialReported(number, step, value, metrics, answer):
                stop = self._durably(lambda: self.store.report(number, step, value, metrics))
                answer(stop)
                self.listener.reported(number, step, value)
            case messages.TrialFinished(result, room, answer):
                self._finish([result])  # stored before the next trial starts
                answer(self._successor() if room else None)
            case messages.SlotsFree(lanes, answer):
                asked = (self._successor() for _ in range(lanes))
                answer([params for params in takewhile(bool, asked) if params])
            case messages.PackFinished(results):
                self._finish(results)
            case messages.WorkerDied(pack, failure):
                self._remove_dead(pack, failure)
            case messages.ObjectiveFailed(error):
                raise error

    def _finish(self, results: Sequence[TrialResult]) -> None:
        sound = [with_finite_value(result) for result in results]
        for result in sound:
            self._write(result)
        self._stop = self._stop or self._limits.judge(sound)

    def _remove_dead(self, pack: Pack, failure: Failure) -> None:
        """Record the trials of a dead worker as failed or interrupted."""
        if self._leaving:  # stopping: the next driver runs them again
            message = failure.message
            self._finish([TrialResult.interrupted(each.number, message) for each in pack])
        elif len(pack) == 1:
            self._finish([TrialResult.failed(pack[0].number, failure)])
        elif pack:
            self._send_back(pack, failure)

    def _send_back(self, pack: Pack, failure: Failure) -> None:
        """Mark the trials of a dead worker as interrupted, so that each is retried alone."""
        message = f"{failure.message}; {len(pack)} trials were in it"
        for number in [params.number for params in pack]:
            if number in self._source.baselines:  # the store queues no retries of baselines
                self._source.isolated.append(self._running[number])
            self._write(TrialResult.failed(number, Failure(INTERRUPTED, PACK_DIED, message)))
        cause = TrialResult.failed(pack[0].number, failure)  # one failure for the stop rules
        self._stop = self._stop or self._limits.judge([cause])

    def _write(self, result: TrialResult) -> None:
        params = self._running[result.number]
        baseline = self._source.baselines.get(result.number)
        if baseline is not None:
            self._durably(lambda: self.store.tell_baseline(baseline, params, result))
            if result.failure is None:
                self.retention.discard(params)
        else:
            self._durably(lambda: self.store.tell(result))
            self.retention.settle(params, result)
        del self._running[result.number]
        self._source.ended()
        self._notify(result)
        if baseline is None:
            self._durably(lambda: self.callbacks.tell(result.number))

    def _notify(self, result: TrialResult) -> None:
        failure = result.failure
        state, reason = result.state.value, None if failure is None else str(failure)
        if failure is not None and failure.interrupted:
            state, reason = "INTERRUPTED", failure.message
        self.listener.finished(state, result.number, result.value, reason, result.seconds)
