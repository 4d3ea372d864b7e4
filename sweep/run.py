"""The sweep itself: ask, launch, tell, until the study has what its budget says.

Only this process touches the database; the workers compute.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from typing import Any

import optuna

from sweep.errors import SweepError
from sweep.interrupts import Interrupts
from sweep.launch import Broken, Event, Finished, LocalLauncher, Reported
from sweep.ledger import Ledger
from sweep.objective import Facts
from sweep.owner import claim, release
from sweep.spec import Baseline, StudySpec
from sweep.status import best_trial
from sweep.storage import create_or_resume, write_spec
from sweep.trial import TrialParams, TrialResult, with_finite_value
from sweep.watcher import Watcher

log = logging.getLogger("lorasweep")

FAILURES_IN_A_ROW = 5
"""After this many failed trials with none complete between them, the sweep stops: what
fails five times running is not bad luck, and a deterministic failure costs the whole night."""


class Run:
    """One driver's work on one study.

    Args:
        study: open, claimed by this process.
        spec: what the study measures.
        launcher: computes.
        watcher: is told.
        interrupts: asked between events whether to end.
    """

    def __init__(
        self,
        study: optuna.Study,
        spec: StudySpec,
        launcher: LocalLauncher,
        watcher: Watcher,
        interrupts: Interrupts,
    ) -> None:
        self.study = study
        self.spec = spec
        self.ledger = Ledger(study, spec)
        self._launcher = launcher
        self._watcher = watcher
        self._interrupts = interrupts
        self._baselines: dict[int, tuple[Baseline, TrialParams]] = {}
        self._failures = 0
        self._exhausted = False
        self._deadline = None if spec.budget.seconds is None else spec.budget.seconds + time.time()

    def sweep(self) -> None:
        """Go on until the budget is met, the space is exhausted, or time is up.

        Raises:
            SweepError: if ``FAILURES_IN_A_ROW`` trials failed, or no worker can work.
            Interruption: if a signal asked to end.
        """
        interrupted = self.ledger.recover()
        if interrupted:
            log.info("%d interrupted trial(s) queued again", interrupted)
        owed = self.ledger.owed_baselines()
        while True:
            while owed and self._launcher.free():
                self._start_baseline(*owed.pop(0))
            self._fill()
            if not (self._baselines or self.ledger.running()):
                return
            self._handle(self._next_event())

    def _next_event(self) -> Event | None:
        self._interrupts.check()
        return self._launcher.next_event(timeout_seconds=1.0)

    def _start_baseline(self, baseline: Baseline, params: TrialParams) -> None:
        self._baselines[params.number] = (baseline, params)
        self._launcher.submit([params])
        self._watcher.started(params.number, f"baseline: {baseline.name}")

    def _fill(self) -> None:
        late = self._deadline is not None and time.time() > self._deadline
        while self._launcher.free() and self.ledger.owed() and not (late or self._exhausted):
            params = self.ledger.ask()
            if params is None:
                self._exhausted = True
                log.info("every configuration of the space is done or running")
                return
            self._launcher.submit([params])
            self._watcher.started(params.number, self.label(params.values))

    def label(self, values: Mapping[str, Any]) -> str:
        """A configuration in a few words, target sets by their short names."""
        short = self.spec.space.labels()
        return " ".join(
            f"{name}={short.get(str(value), value)}"
            if not isinstance(value, float)
            else f"{name}={value:.3g}"
            for name, value in values.items()
        )

    def _handle(self, event: Event | None) -> None:
        match event:
            case Reported(number, step, value, metrics, answer):
                answer(self.ledger.report(number, step, value, metrics))
                self._watcher.reported(number, step, value)
            case Finished(results):
                for result in results:
                    self._finish(result)
            case Broken(error):
                raise error

    def _finish(self, result: TrialResult) -> None:
        result = with_finite_value(result)
        if result.number in self._baselines:
            baseline, params = self._baselines.pop(result.number)
            self.ledger.tell_baseline(baseline, params, result)
        else:
            self.ledger.tell(result)
        reason = None if result.failure is None else str(result.failure)
        self._watcher.finished(
            result.state.value, result.number, result.value, reason, result.seconds
        )
        self._failures = self._failures + 1 if result.failure else 0
        if self._failures >= FAILURES_IN_A_ROW:
            raise SweepError(
                f"{self._failures} trials failed in a row, the last with: {reason}. "
                "The sweep stops here; nothing is lost. See 'lorasweep status', mend the cause, "
                "and run the same command again."
            )

    def final_test(self) -> None:
        """Score the test split with the best trial, trained again to the same weights.

        Raises:
            SweepError: if there is no complete trial, or the trial fails.
        """
        best = best_trial(self.study.get_trials(deepcopy=False), self.spec)
        if best is None:
            raise SweepError("the final test needs a complete trial, and there is none yet")
        replicate = best.user_attrs["replicate"]
        params = TrialParams(
            best.number, best.params, self.spec.seeds[replicate], replicate, final_test=True
        )
        self._launcher.submit([params])
        self._watcher.started(best.number, f"final test: {self.label(best.params)}")
        while True:
            match self._next_event():
                case Reported(answer=answer):
                    answer(False)
                case Broken(error):
                    raise error
                case Finished([result]):
                    break
        if result.failure is not None:
            raise SweepError(f"the final test of trial {best.number} failed: {result.failure}")
        self.study.set_user_attr(
            "final_test",
            {
                "number": best.number,
                "validation_value": best.value,
                "value_again": result.value,
                "metrics": dict(result.metrics),
            },
        )


def run_study(
    spec: StudySpec,
    url: str,
    watcher: Watcher,
    *,
    workers: int | None = None,
    take_over: bool = False,
    final_test: bool = False,
) -> optuna.Study:
    """Make or resume a study and run it to its budget.

    Args:
        spec: what to measure.
        url: the database.
        watcher: is told what happens.
        workers: processes to use; None for as many as suit the machine.
        take_over: drive the study even if another process seems to.
        final_test: afterwards score the test split with the best trial.

    Returns:
        The study, released.

    Raises:
        SpecError: if the settings, the space or a target set breaks a rule; all at once.
        ResumeError: if the study was made from another spec or other inputs.
        StorageError: if the database cannot be used or has another driver.
        SweepError: if the sweep cannot go on.
        Interruption: if a signal asked to end; open trials are queued for the next run.
    """
    launcher = LocalLauncher(spec, workers or 1)
    with Interrupts() as interrupts:
        try:
            baselines = [dict(baseline.values) for baseline in spec.baselines]
            launcher.call("check", spec.space, baselines, interrupts=interrupts)
            facts: Facts = launcher.call("facts", interrupts=interrupts)
            launcher.workers = workers or facts.workers
            study = create_or_resume(url, spec, facts)
            me = claim(study, url, take_over=take_over)
            write_spec(study, spec, facts)
            run = Run(study, spec, launcher, watcher, interrupts)
            try:
                run.sweep()
                if final_test:
                    run.final_test()
            finally:
                launcher.close()  # first: no worker may compute for a trial already closed
                run.ledger.abandon()
                release(study, me)
        finally:
            launcher.close()
    return study
