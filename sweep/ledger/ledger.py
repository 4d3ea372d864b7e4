"""The driver's ask and tell over the database.

Everything a trial yields is written before its state, so that a trial that reads
COMPLETE has all it should have, wherever the driver was killed.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

import optuna
from optuna.exceptions import UpdateFinishedTrialError
from optuna.trial import FrozenTrial, TrialState

from sweep.errors import HeldError, StorageError, fault
from sweep.ledger.baselines import owed_baselines, write_baseline
from sweep.ledger.book import Book, run_of
from sweep.ledger.owed import Owed, owed_replicates, owed_retries
from sweep.ledger.twins import end_twin, reuse
from sweep.owner import Owner, holder, still_mine
from sweep.sampling import distributions, make_pruner, make_sampler
from sweep.spec import Baseline, StudySpec
from sweep.storage import Address, storage_errors
from sweep.trial import (
    DRIVER_DIED,
    INTERRUPTED,
    OUT_OF_MEMORY,
    Failure,
    TrialParams,
    TrialResult,
)
from sweep.trial import TrialState as State

MOST_SPARED = 100
"""So many proposals in a row may be known already before a space counts as exhausted."""

_LEFT = Failure(INTERRUPTED, DRIVER_DIED, "the driver ended while the trial ran")


class Ledger:
    """The trials of one study, as its only driver sees them.

    Args:
        study: an open study made from ``spec``, claimed by ``owner``.
        spec: what it measures.
        address: its database, for messages.
        owner: this process's claim.
    """

    def __init__(
        self, study: optuna.Study, spec: StudySpec, address: Address, owner: Owner
    ) -> None:
        self.study = study
        self.spec = spec
        self._address = address
        self._owner = owner
        self._distributions = distributions(spec.space)
        self._running: dict[int, tuple[optuna.Trial, TrialParams]] = {}
        self._begun: set[int] = set()
        self._curves: dict[int, list[dict[str, float]]] = {}
        with storage_errors(address):
            trials = self._trials()
            self._book = Book(spec, trials)
            study.sampler = make_sampler(spec, len(trials), self._book.tried)
            study.pruner = make_pruner(spec)

    def _trials(self) -> list[FrozenTrial]:
        return self.study.get_trials(deepcopy=False)

    def _guard(self) -> None:
        """Write nothing into a study that somebody else has taken over.

        Raises:
            HeldError: naming who has.
        """
        if not still_mine(self.study, self._owner):
            now = holder(self.study)
            raise HeldError(
                fault(
                    f"study {self.study.study_name!r}",
                    "be driven by this process",
                    "nobody" if now is None else str(now),
                    where=self._address.shown,
                    way_out="It was taken over; this process has stopped, and nothing is lost",
                )
            )

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Write to the study, as long as it is this driver's.

        Raises:
            StorageError: if it is not, or cannot be written; in words.
        """
        with storage_errors(self._address):
            self._guard()
            try:
                yield
            except UpdateFinishedTrialError:  # somebody closed the trial a moment ago
                self._guard()
                raise

    def running(self) -> int:
        """How many trials this driver has started and not yet told."""
        return len(self._running)

    def owed(self) -> int:
        """How many more trials to start so that the target of COMPLETE ones is met."""
        return max(0, self.spec.budget.trials - self._book.complete - self.running())

    def recover(self) -> int:
        """Close what no living driver runs, and queue what is owed.

        Returns:
            How many trials were found RUNNING.
        """
        with self._writing():
            mine = self._running
            left = [
                trial
                for trial in self._trials()
                if trial.state == TrialState.RUNNING and trial.number not in mine
            ]
            for trial in left:
                self._close(trial, _LEFT)
            self.requeue()
        return len(left)

    def _close(self, trial: FrozenTrial, failure: Failure) -> None:
        """End a trial of which this process has no handle."""
        # Optuna has no public way to annotate a trial of another process.
        storage, trial_id = self.study._storage, trial._trial_id  # noqa: SLF001
        storage.set_trial_user_attr(trial_id, "failure", failure.to_json())
        self.study.tell(trial.number, state=TrialState.FAIL)

    def requeue(self) -> None:
        """Queue retries and replicates that are owed and not queued; nothing twice."""
        with storage_errors(self._address):
            for owed in list(owed_retries(self._trials(), self.spec)):
                self._enqueue(owed)
            for owed in list(owed_replicates(self._trials(), self.spec)):
                self._enqueue(owed)

    def _enqueue(self, owed: Owed) -> None:
        attributes: dict[str, Any] = {
            "replicate": owed.replicate,
            "seed": self.spec.seeds[owed.replicate],
        }
        if owed.retry_of is not None:
            attributes["retry_of"] = owed.retry_of
        self.study.enqueue_trial(dict(owed.values), user_attrs=attributes)
        self._book.note(owed.values)

    def ask(self) -> TrialParams | None:
        """Start the next trial that has to be computed.

        Returns:
            Its parameters; None when the space has no configuration left.
        """
        for _ in range(MOST_SPARED):
            with self._writing():
                if self._book.exhausted and not self._waiting():
                    return None
                opened = self._open()
                if opened is None:
                    continue
                trial, params = opened
                if not self._spared(trial, params):
                    self._running[params.number] = opened
                    return params
        return None  # of an endless space, too, so little may be left that all is known

    def _waiting(self) -> bool:
        return any(trial.state == TrialState.WAITING for trial in self._trials())

    def _open(self) -> tuple[optuna.Trial, TrialParams] | None:
        """A new RUNNING trial with all its parameters; None if it was queued with wrong ones."""
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", UserWarning)  # said by the check below
                trial = self.study.ask(self._distributions)
        except ValueError as error:  # a choice that there is not, queued by hand
            if not self._refuse_queued(str(error)):
                raise
            return None
        if not self.spec.space.contains(trial.params) and self._refuse_queued(
            f"{trial.params} lies outside the search space"
        ):
            return None
        if "seed" not in trial.user_attrs:
            trial.set_user_attr("replicate", 0)
            trial.set_user_attr("seed", self.spec.seeds[0])
        fresh = not self._book.knows(trial.params)
        self._book.note(trial.params)
        if fresh:
            for replicate in range(1, len(self.spec.seeds)):
                self._enqueue(Owed(trial.params, replicate))
        replicate, seed = trial.user_attrs["replicate"], trial.user_attrs["seed"]
        return trial, TrialParams(trial.number, trial.params, seed, replicate)

    def _refuse_queued(self, why: str) -> bool:
        """Close the trial just opened if somebody queued it by hand with impossible values."""
        opened = [
            trial
            for trial in self._trials()
            if trial.state == TrialState.RUNNING
            and trial.number not in self._running
            and "fixed_params" in trial.system_attrs
        ]
        for trial in opened:
            self._close(trial, Failure("exception", "QueuedValues", why))
        return bool(opened)

    def _spared(self, trial: optuna.Trial, params: TrialParams) -> bool:
        """Whether the same was computed before, or is right now; then the trial is over."""
        twin = self._book.twin(params)
        if twin is not None:
            reuse(trial, self._trials()[twin])
            return True
        now = {run_of(other): number for number, (_, other) in self._running.items()}
        if run_of(params) not in now:
            return False
        end_twin(trial, now[run_of(params)])
        return True

    def report(self, number: int, step: int, value: float, metrics: Mapping[str, float]) -> bool:
        """Write one intermediate value; True asks the trial to stop."""
        if number not in self._running:  # a baseline: measured, never pruned
            return False
        trial, _ = self._running[number]
        curve = self._curves.setdefault(number, [])
        if not curve or curve[-1]["step"] < step:  # else told again after the server was away
            curve.append({"step": step, "value": value, **metrics})
        with self._writing():
            trial.report(value, step)
            trial.set_user_attr("curve", curve)
            return trial.should_prune()

    def tell(self, result: TrialResult) -> None:
        """Write a trial's result, its state last.

        May be called again after an error: what was written is not written twice.
        """
        trial, params = self._running[result.number]
        with self._writing():
            if result.number not in self._begun or not self._has_ended(result.number):
                self._begun.add(result.number)
                self._write(trial, result)
        del self._running[result.number]
        self._curves.pop(result.number, None)
        if result.failure is None:
            self._book.finish(params, complete=result.state is State.COMPLETE)
        else:
            self.requeue()

    def _has_ended(self, number: int) -> bool:
        return bool(self._trials()[number].state.is_finished())

    def _write(self, trial: optuna.Trial, result: TrialResult) -> None:
        state = TrialState[result.state.value]
        trial.set_user_attr("metrics", dict(result.metrics))
        trial.set_user_attr("details", dict(result.details))
        trial.set_user_attr("seconds", result.seconds)
        if result.failure is not None:
            trial.set_user_attr("failure", result.failure.to_json())
            if result.failure.reason == OUT_OF_MEMORY:
                # Samplers learn from constraints of pruned trials; of failed ones, nothing.
                trial.set_constraint("memory", 1.0)
                state = TrialState.PRUNED
        self.study.tell(trial, result.value, state)

    def abandon(self) -> None:
        """Close this driver's own RUNNING trials; the next driver queues them again."""
        for number in list(self._running):
            with suppress(StorageError):  # the next driver closes what this one cannot
                message = "the driver stopped while the trial ran"
                self.tell(TrialResult.interrupted(number, message))

    def owed_baselines(self) -> list[tuple[Baseline, TrialParams]]:
        """The baselines still to be measured."""
        with storage_errors(self._address):
            return owed_baselines(self.study, self.spec)

    def tell_baseline(self, baseline: Baseline, params: TrialParams, result: TrialResult) -> None:
        """Write a measured baseline; a failed one is left owed."""
        if result.failure is None:
            with self._writing():
                write_baseline(self.study, baseline, params, result)
