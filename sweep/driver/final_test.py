"""The final test: retrain the best trial with its seed and score it on the test split."""

from __future__ import annotations

from dataclasses import replace

from sweep.driver.listener import label
from sweep.driver.loop import TuningLoop
from sweep.errors import SweepError
from sweep.signals import Interrupts
from sweep.storage.errors import retry_while_unreachable
from sweep.study.trial import TrialParams, TrialResult
from sweep.workers import messages
from sweep.workers.pool import Pool


def final_test(loop: TuningLoop) -> None:
    """Retrain the best trial and store its metrics on the test split with the study.

    Args:
        loop: the study's trials, its workers and its files, after the sweep.

    Raises:
        SweepError: if there is no complete trial, or the trial fails.
        StorageError: if the database can no longer be written.
        Interruption: if a signal asked to stop.
    """
    store, retention = loop.store, loop.retention
    if retention.best is None:
        raise SweepError("the final test needs a complete trial, and there is none yet")
    best, value = retention.best.params, retention.best.value
    tested = replace(best, final_test=True, folder=retention.folder(best))
    loop.launcher.submit([tested], closed=True)
    loop.listener.started(best.number, f"final test: {label(store.spec.space, best.values)}")
    result = only_result(best, loop.launcher, loop.interrupts)
    if result.failure is not None:
        loop.interrupts.check()
        raise SweepError(f"the final test of trial {best.number} failed: {result.failure}")
    retention.keep_best()
    record = {
        "number": best.number,
        "validation_value": value,
        "value_again": result.value,
        "metrics": dict(result.metrics),
    }
    retry_while_unreachable(
        lambda: store.study.set_user_attr("final_test", record), loop.interrupts.check
    )


def only_result(params: TrialParams, launcher: Pool, interrupts: Interrupts) -> TrialResult:
    """The result of the one running trial; asks it to stop when a signal arrives."""
    called, result = False, None
    while True:
        if interrupts.number is not None and not called:
            called = True
            launcher.request_stop()
        if interrupts.overdue():
            launcher.stop_late()
        match launcher.next_event(timeout_seconds=1.0):
            case messages.TrialReported(answer=answer):
                answer(False)
            case messages.TrialFinished(result=settled, answer=follow):
                result = settled
                follow(None)
            case messages.ObjectiveFailed(error):
                raise error
            case messages.PackFinished(results):
                return result or results[0]
            case messages.WorkerDied(failure=failure):
                return result or TrialResult.failed(params.number, failure)
