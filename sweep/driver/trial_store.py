"""The driver's ask and tell over the database.

Everything a trial yields is written before its state, so that a trial that reads
COMPLETE has all it should have, wherever the driver was killed.
"""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import optuna
from optuna.exceptions import UpdateFinishedTrialError
from optuna.trial import FrozenTrial, TrialState

from sweep.driver.baselines import owed_baselines, write_baseline
from sweep.driver.trial_index import TrialIndex, run_of
from sweep.driver.trial_queue import Queue
from sweep.errors import StorageError
from sweep.files.strict_json import strict
from sweep.sampling.distinct import distributions
from sweep.sampling.samplers import make_pruner, make_sampler
from sweep.storage.errors import storage_errors
from sweep.storage.owner import ATTRIBUTE, DriverLease, is_held, taken_over
from sweep.storage.studies import read_points
from sweep.storage.url import StorageUrl
from sweep.study.design import SEARCH, is_collapsed
from sweep.study.spec import Baseline, StudySpec
from sweep.study.trial import (
    DRIVER_DIED,
    DUPLICATE,
    INTERRUPTED,
    OUT_OF_MEMORY,
    Failure,
    TrialParams,
    TrialResult,
)
from sweep.study.trial import TrialState as State


@dataclass(frozen=True)
class Running:
    """A trial that this driver has started and not yet told.

    Attributes:
        trial: Optuna's handle.
        params: what it computes.
        phase: what it is for.
        counted: whether it counts towards the budget; not as the second run of one that collapsed.
        retry: whether it runs another one again.
    """

    trial: optuna.Trial
    params: TrialParams
    phase: str
    counted: bool
    retry: bool = False


def close(study: optuna.Study, trial: FrozenTrial, failure: Failure) -> None:
    """End a trial of which this process has no handle, unless it has ended meanwhile.

    A driver that was taken over may write a last result before it notices; that one stands.
    """
    # Optuna has no public way to annotate a trial of another process.
    storage, trial_id = study._storage, trial._trial_id  # noqa: SLF001
    with contextlib.suppress(optuna.exceptions.UpdateFinishedTrialError):
        storage.set_trial_user_attr(trial_id, "failure", failure.to_json())
        study.tell(trial.number, state=TrialState.FAIL, skip_if_finished=True)


def write_result(trial: optuna.Trial, result: TrialResult) -> None:
    """Write all that a trial yields, its state last."""
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
    trial.study.tell(trial, result.value, state)


_COPIED = ("metrics", "details", "seconds", "curve")


def reuse_result(trial: optuna.Trial, source: FrozenTrial) -> None:
    """Give a trial the result of the finished one that computed the same, and say so."""
    for name in _COPIED:
        if name in source.user_attrs:
            trial.set_user_attr(name, source.user_attrs[name])
    for step, value in source.intermediate_values.items():
        trial.report(value, step)
    trial.set_user_attr("reused_from", source.number)
    complete = source.state == TrialState.COMPLETE
    trial.study.tell(trial, source.value if complete else None, source.state)


def close_duplicate(trial: optuna.Trial, running: int) -> None:
    """End a trial that would race one with the same parameters and seed."""
    message = f"trial {running} has the same parameters and seed and is running"
    trial.set_user_attr("failure", Failure(DUPLICATE, "Duplicate", message).to_json())
    trial.study.tell(trial, state=TrialState.FAIL)


MOST_SPARED = 100
"""So many proposals in a row may be known already before a space counts as exhausted."""

_LEFT = Failure(INTERRUPTED, DRIVER_DIED, "the driver ended while the trial ran")


class TrialStore:
    """The trials of one study, as its only driver sees them.

    Args:
        study: an open study made from ``spec``, claimed by ``owner``.
        spec: what it measures.
        address: its database, for messages.
        owner: this process's claim, made by ``sweep.storage.guard.take``.
    """

    def __init__(
        self, study: optuna.Study, spec: StudySpec, address: StorageUrl, owner: DriverLease
    ) -> None:
        self.study = study
        self.spec = spec
        self._address = address
        self._owner = owner
        self._distributions = distributions(spec.space)
        self._running: dict[int, Running] = {}
        self._begun: set[int] = set()
        self._curves: dict[int, list[dict[str, float]]] = {}
        with storage_errors(address):
            trials = self._trials()
            self._index = TrialIndex(spec, trials)
            self._queue = Queue(study, spec, self._index, read_points(study))
            study.sampler = make_sampler(spec, len(trials), self._index.tried)
            study.pruner = make_pruner(spec)

    def _trials(self) -> list[FrozenTrial]:
        return self.study.get_trials(deepcopy=False)

    def _guard(self) -> None:
        """See whether the study is still this driver's.

        Raises:
            HeldError: naming who has taken it over.
        """
        if not is_held(self.study, self._owner):
            record = self.study.user_attrs.get(ATTRIBUTE)
            raise taken_over(self.study.study_name, record, self._address.shown)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Write to the study; each transaction checks that it is still this driver's.

        Raises:
            StorageError: if it is not, or cannot be written; in words.
        """
        with storage_errors(self._address):
            try:
                yield
            except UpdateFinishedTrialError:  # another driver closed the trial
                self._guard()
                raise

    def running(self) -> int:
        """How many trials this driver has started and not yet told."""
        return len(self._running)

    def retries(self, number: int) -> bool:
        """Whether a trial that this driver has started runs another one again."""
        return self._running[number].retry

    def owed(self) -> int:
        """How many more trials to start: for the target of COMPLETE ones, and collapsed ones."""
        counted = self._index.complete + sum(each.counted for each in self._running.values())
        with storage_errors(self._address):
            return max(0, self.spec.budget.trials - counted) + self._queue.reruns()

    def recover(self) -> int:
        """Close what no living driver runs, and queue what is owed.

        Returns:
            How many trials were found RUNNING.
        """
        with self._writing():
            self._guard()  # there may be nothing to write, and files are tidied next
            mine = self._running
            left = [
                trial
                for trial in self._trials()
                if trial.state == TrialState.RUNNING and trial.number not in mine
            ]
            for trial in left:
                close(self.study, trial, _LEFT)
            self.requeue()
        return len(left)

    def requeue(self) -> None:
        """Queue what is owed again and not queued; nothing twice."""
        with storage_errors(self._address):
            self._queue.owed_again()

    def waits(self) -> bool:
        """Whether a trial waits to be run."""
        with storage_errors(self._address):
            return self._queue.waits()

    def ask(self) -> TrialParams | None:
        """Start the next trial that has to be computed.

        Returns:
            Its parameters; None when a pilot is through, or the space has no configuration left.
        """
        for _ in range(MOST_SPARED):
            with self._writing():
                self._queue.add_point()
                if (self._queue.ends or self._index.exhausted) and not self._queue.waits():
                    return None
                opened = self._open()
                if opened is None:
                    continue
                if not self._spared(opened.trial, opened.params):
                    self._running[opened.params.number] = opened
                    return opened.params
        return None  # of an endless space, too, so little may be left that all is known

    def _open(self) -> Running | None:
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
        tags = {"phase": SEARCH, "replicate": 0, "seed": self.spec.seeds[0], **trial.user_attrs}
        for name in ("phase", "replicate", "seed"):
            if name not in trial.user_attrs:
                trial.set_user_attr(name, tags[name])
        fresh = not self._index.knows(trial.params)
        self._index.note(trial.params)
        if fresh:
            self._queue.add_replicates(trial.params)
        params = TrialParams(trial.number, trial.params, tags["seed"], tags["replicate"])
        retry = tags.get("retry_of") is not None
        return Running(trial, params, tags["phase"], "rerun_of" not in tags, retry)

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
            close(self.study, trial, Failure("exception", "QueuedValues", why))
        return bool(opened)

    def _spared(self, trial: optuna.Trial, params: TrialParams) -> bool:
        """Whether the same was computed before, or is right now; then the trial is over."""
        twin = self._index.twin(params)
        if twin is not None:
            reuse_result(trial, self._trials()[twin])
            return True
        now = {run_of(other.params): number for number, other in self._running.items()}
        if run_of(params) not in now:
            return False
        close_duplicate(trial, now[run_of(params)])
        return True

    def report(self, number: int, step: int, value: float, metrics: Mapping[str, float]) -> bool:
        """Write one intermediate value; True asks the trial to stop."""
        if number not in self._running:  # a baseline: measured, never pruned
            return False
        running = self._running[number]
        curve = self._curves.setdefault(number, [])
        if not curve or curve[-1]["step"] < step:  # else told again after the server was away
            curve.append(strict({"step": step, "value": value, **metrics})[0])
        with self._writing():
            running.trial.report(value, step)
            running.trial.set_user_attr("curve", curve)
            # What is measured is measured to its end: a value cut short is no value.
            return running.phase == SEARCH and running.trial.should_prune()

    def tell(self, result: TrialResult) -> None:
        """Write a trial's result, its state last.

        May be called again after an error: what was written is not written twice.
        """
        running = self._running[result.number]
        with self._writing():
            if result.number not in self._begun or not self._has_ended(result.number):
                self._begun.add(result.number)
                write_result(running.trial, result)
        del self._running[result.number]
        self._curves.pop(result.number, None)
        if result.failure is None:
            counted = result.state is State.COMPLETE and running.counted
            self._index.finish(running.params, counted=counted)
        if result.failure is not None or is_collapsed(result.metrics):
            self.requeue()

    def _has_ended(self, number: int) -> bool:
        return bool(self._trials()[number].state.is_finished())

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
