"""The final test: the best trial, trained again to the same weights, on the test split."""

from __future__ import annotations

from dataclasses import replace

from sweep.driver.listener import label
from sweep.driver.loop import Team
from sweep.errors import SweepError
from sweep.signals import Interrupts
from sweep.storage.reconnect import ride_out
from sweep.study.trial import TrialParams, TrialResult
from sweep.workers.messages import Broken, Died, Finished, Reported, Settled
from sweep.workers.pool import Pool


def final_test(team: Team) -> None:
    """Score the test split with the best trial.

    Args:
        team: who works on the study.

    Raises:
        SweepError: if there is no complete trial, or the trial fails.
        StorageError: if the database cannot be written any more.
        Interruption: if a signal asked to end.
    """
    ledger, keeper = team.ledger, team.keeper
    if keeper.best is None:
        raise SweepError("the final test needs a complete trial, and there is none yet")
    best, value = keeper.best.params, keeper.best.value
    team.launcher.submit([replace(best, final_test=True, folder=keeper.folder(best))], closed=True)
    team.watcher.started(best.number, f"final test: {label(ledger.spec.space, best.values)}")
    result = only_result(best, team.launcher, team.interrupts)
    if result.failure is not None:
        team.interrupts.check()
        raise SweepError(f"the final test of trial {best.number} failed: {result.failure}")
    keeper.keep_best()
    record = {
        "number": best.number,
        "validation_value": value,
        "value_again": result.value,
        "metrics": dict(result.metrics),
    }
    ride_out(lambda: ledger.study.set_user_attr("final_test", record), team.interrupts.check)


def only_result(params: TrialParams, launcher: Pool, interrupts: Interrupts) -> TrialResult:
    """Wait for the one trial under way, calling it away if a signal comes."""
    called, result = False, None
    while True:
        if interrupts.number is not None and not called:
            called = True
            launcher.call_away()
        if interrupts.overdue():
            launcher.stop_late()
        match launcher.next_event(timeout_seconds=1.0):
            case Reported(answer=answer):
                answer(False)
            case Settled(result=settled, answer=follow):
                result = settled
                follow(None)
            case Broken(error):
                raise error
            case Finished(results):
                return result or results[0]
            case Died(failure=failure):
                return result or TrialResult.failed(params.number, failure)
