"""Stop rules: abort a sweep after repeated failures."""

from __future__ import annotations

from collections.abc import Sequence

from sweep.errors import SweepError
from sweep.study.trial import INPUT_AWAY, Failure, TrialResult

FIRST = 5
"""The sweep stops if this many trials at the start of a run all fail."""

IN_A_ROW = 20
"""The sweep stops after this many failures in a row; of trials that half fail, one in a million."""


class FailurePolicy:
    """Counts the failures of one run and decides when to stop.

    Args:
        on_failure: the study's policy: ``continue``, ``stop`` or ``retry(k)``.
    """

    def __init__(self, on_failure: str) -> None:
        self._stop_at_once = on_failure == "stop"
        self._in_a_row = 0
        self._worked = False

    def judge(self, results: Sequence[TrialResult]) -> SweepError | None:
        """Count results that arrived together; a failure shared by several trials counts once.

        Returns:
            The error to stop the sweep with; None to continue.
        """
        counted: set[Failure] = set()
        for result in results:
            failure = result.failure
            if failure is not None and failure.kind == INPUT_AWAY:
                return _away(failure.message)
            if failure is None:
                self._worked, self._in_a_row = True, 0
            elif not failure.interrupted and failure not in counted:
                counted.add(failure)
                self._in_a_row += 1
                stop = self._limit(str(failure))
                if stop is not None:
                    return stop
        return None

    def _limit(self, last: str) -> SweepError | None:
        if self._stop_at_once:
            return _error("a trial failed, and the policy is to stop", last)
        if not self._worked and self._in_a_row >= FIRST:
            return _error(f"the first {self._in_a_row} trials of this run all failed", last)
        if self._in_a_row >= IN_A_ROW:
            return _error(f"{self._in_a_row} trials failed in a row", last)
        return None


def _away(said: str) -> SweepError:
    first = (said.splitlines() or [""])[0]
    return SweepError(
        f"what the trials read is away or was changed: {first.rstrip('.')}. The sweep stops here; "
        "nothing is lost, and the trials that met it are queued again. Put it back, and give the "
        "same command again, or lorasweep resume."
    )


def _error(what: str, last: str) -> SweepError:
    first = (last.splitlines() or [""])[0]
    return SweepError(
        f"{what}, the last with: {first}. The sweep stops here; nothing is lost. "
        "See 'lorasweep status --failed', mend the cause, and give the same command again."
    )
