"""The sweep itself: ask, launch, tell, until the study has what its budget says.

Only this process writes the database; the workers compute.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, TypeVar

from sweep.errors import SweepError
from sweep.interrupts import Interrupts
from sweep.keeper import Keeper
from sweep.launch import Broken, Event, Finished, LocalLauncher, Reported
from sweep.ledger import Ledger
from sweep.outage import ride_out
from sweep.patience import FailureLimits
from sweep.spec import Baseline, StudySpec
from sweep.trial import WORKER_DIED, TrialParams, TrialResult, with_finite_value
from sweep.watcher import Watcher

log = logging.getLogger("lorasweep")

T = TypeVar("T")


class Run:
    """One driver's work on one study.

    Args:
        ledger: the study, claimed by this process.
        keeper: of its trials' files.
        launcher: computes.
        watcher: is told.
        interrupts: asked between events whether to end.
    """

    def __init__(
        self,
        ledger: Ledger,
        keeper: Keeper,
        launcher: LocalLauncher,
        watcher: Watcher,
        interrupts: Interrupts,
    ) -> None:
        self.ledger = ledger
        self.spec: StudySpec = ledger.spec
        self._keeper = keeper
        self._launcher = launcher
        self._watcher = watcher
        self._interrupts = interrupts
        self._baselines: dict[int, tuple[Baseline, TrialParams]] = {}
        self._owed_baselines: list[tuple[Baseline, TrialParams]] = []
        self._running: dict[int, TrialParams] = {}
        self._limits = FailureLimits(self.spec.policy.on_failure)
        self._stop: SweepError | None = None
        self._leaving = False
        self._exhausted = False
        seconds = self.spec.budget.seconds
        self._deadline = None if seconds is None else seconds + time.monotonic()

    def sweep(self) -> None:
        """Go on until the budget is met, the space is exhausted, or time is up.

        Raises:
            SweepError: if the failures are too many, or no worker can work.
            StorageError: if the database cannot be written any more.
            Interruption: if a signal asked to end; the trials under way have checkpointed.
        """
        interrupted = self._durably(self.ledger.recover)
        if interrupted:
            log.info("%d interrupted trial(s) queued again", interrupted)
        self._owed_baselines = self._durably(self.ledger.owed_baselines)
        study = self.ledger.study
        self._keeper.begin(self._durably(lambda: study.get_trials(deepcopy=False)))
        while True:
            if not self._leaving and (self._interrupts.number is not None or self._stop):
                self._call_away()
            if not self._leaving:
                self._fill()
            if not (self._baselines or self._running):
                break
            self._handle(self._launcher.next_event(timeout_seconds=1.0))
        self._interrupts.check()
        if self._stop is not None:
            raise self._stop
        self._durably(self.ledger.recover)  # what a broken connection left half-asked

    def _call_away(self) -> None:
        """Start nothing more, and have what runs leave as soon as it can."""
        self._leaving = True
        busy = len(self._running) + len(self._baselines)
        if self._interrupts.number is not None and busy:
            log.info(
                "ending: %d trial(s) finish their step and checkpoint; once more to stop at once",
                busy,
            )
        self._launcher.call_away()

    def _fill(self) -> None:
        """Start as many baselines and trials as there are workers free."""
        while self._owed_baselines and self._launcher.free():
            baseline, params = self._owed_baselines.pop(0)
            self._baselines[params.number] = (baseline, params)
            self._submit(params, f"baseline: {baseline.name}")
        late = self._deadline is not None and time.monotonic() > self._deadline
        while not late and not self._exhausted and self._launcher.free():
            if not self._durably(self.ledger.owed):
                return
            asked = self._durably(self.ledger.ask, again=self.ledger.recover)
            if asked is None:
                self._exhausted = True
                log.info("every configuration there is to run is done or running")
                return
            self._running[asked.number] = asked
            keep = self.spec.policy.keep != "none"
            self._submit(replace(asked, keep=keep), self.label(asked.values))

    def _submit(self, params: TrialParams, label: str) -> None:
        self._launcher.submit([replace(params, folder=self._keeper.folder(params))])
        self._watcher.started(params.number, label)

    def label(self, values: Mapping[str, Any]) -> str:
        """A configuration in a few words, target sets by their short names."""
        short = self.spec.space.labels()
        return " ".join(
            f"{name}={short.get(str(value), value)}"
            if not isinstance(value, float)
            else f"{name}={value:.3g}"
            for name, value in values.items()
        )

    def _durably(self, act: Callable[[], T], again: Callable[[], object] | None = None) -> T:
        """Do something with the database, waiting for its server as long as no signal comes."""
        return ride_out(act, self._interrupts.check, again)

    def _handle(self, event: Event | None) -> None:
        match event:
            case Reported(number, step, value, metrics, answer):
                stop = self._durably(lambda: self.ledger.report(number, step, value, metrics))
                answer(stop)
                self._watcher.reported(number, step, value)
            case Finished(results):
                for result in results:
                    self._finish(with_finite_value(result))
            case Broken(error):
                raise error

    def _finish(self, result: TrialResult) -> None:
        failure = result.failure
        if self._leaving and failure is not None and failure.reason == WORKER_DIED:
            result = TrialResult.interrupted(result.number, failure.message, result.seconds)
        if result.number in self._baselines:
            baseline, params = self._baselines.pop(result.number)
            self._durably(lambda: self.ledger.tell_baseline(baseline, params, result))
            if result.failure is None:
                self._keeper.discard(params)
        else:
            params = self._running[result.number]
            self._durably(lambda: self.ledger.tell(result))
            del self._running[result.number]
            self._keeper.settle(params, result)
            if self._exhausted:  # though not if this one is to be run again
                self._exhausted = not self._durably(self.ledger.waits)
        self._tell_watcher(result)
        self._stop = self._stop or self._limits.judge(result)

    def _tell_watcher(self, result: TrialResult) -> None:
        failure = result.failure
        state, reason = result.state.value, None if failure is None else str(failure)
        if failure is not None and failure.interrupted:
            state, reason = "INTERRUPTED", failure.message
        self._watcher.finished(state, result.number, result.value, reason, result.seconds)

    def final_test(self) -> None:
        """Score the test split with the best trial, trained again to the same weights.

        Raises:
            SweepError: if there is no complete trial, or the trial fails.
            Interruption: if a signal asked to end.
        """
        if self._keeper.best is None:
            raise SweepError("the final test needs a complete trial, and there is none yet")
        best, value = self._keeper.best.params, self._keeper.best.value
        self._submit(replace(best, final_test=True), f"final test: {self.label(best.values)}")
        result = self._only_result()
        if result.failure is not None:
            self._interrupts.check()
            raise SweepError(f"the final test of trial {best.number} failed: {result.failure}")
        self._keeper.keep_best()
        record = {
            "number": best.number,
            "validation_value": value,
            "value_again": result.value,
            "metrics": dict(result.metrics),
        }
        self._durably(lambda: self.ledger.study.set_user_attr("final_test", record))

    def _only_result(self) -> TrialResult:
        """Wait for the one trial under way, calling it away if a signal comes."""
        called = False
        while True:
            if self._interrupts.number is not None and not called:
                called = True
                self._launcher.call_away()
            match self._launcher.next_event(timeout_seconds=1.0):
                case Reported(answer=answer):
                    answer(False)
                case Broken(error):
                    raise error
                case Finished([result]):
                    return result
