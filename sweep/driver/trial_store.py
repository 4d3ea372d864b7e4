"""Ask and tell for the driver, over the study's storage.

A trial's state is written last, so that a trial in state COMPLETE has all its attributes even if
the driver is killed at any point.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import optuna
from optuna.exceptions import UpdateFinishedTrialError
from optuna.trial import FrozenTrial, TrialState

from sweep.driver.trial_queue import Queue, TrialIndex, owed_baselines, run_of, write_baseline
from sweep.errors import StorageError
from sweep.files.strict_json import strict
from sweep.sampling.samplers import distributions, make_pruner, make_sampler
from sweep.storage.errors import storage_errors
from sweep.storage.owner import ATTRIBUTE, DriverLease, is_held, taken_over
from sweep.storage.studies import read_points
from sweep.storage.url import StorageUrl
from sweep.study import trial as records
from sweep.study.design import SEARCH, is_collapsed
from sweep.study.spec import Baseline, StudySpec
from sweep.study.trial import Failure, TrialParams, TrialResult


@dataclass(frozen=True)
class Running:
    """A trial that this driver has asked for and not yet told.

    Attributes:
        trial: Optuna's trial object.
        params: its parameters and seed.
        phase: the phase it belongs to, such as ``SEARCH``.
        counted: whether it counts towards the budget; a rerun of a collapsed trial does not.
        retry: whether it is a retry of another trial.
    """

    trial: optuna.Trial
    params: TrialParams
    phase: str
    counted: bool
    retry: bool = False


def close(study: optuna.Study, trial: FrozenTrial, failure: Failure) -> None:
    """Fail a trial that this process did not ask for, unless it has finished meanwhile.

    A driver that was taken over may write a last result before it notices; that result is kept.
    """
    # Optuna has no public way to set attributes of another process's trial.
    storage, trial_id = study._storage, trial._trial_id  # noqa: SLF001
    with suppress(UpdateFinishedTrialError):
        storage.set_trial_user_attr(trial_id, "failure", failure.to_json())
        study.tell(trial.number, state=TrialState.FAIL, skip_if_finished=True)


def write_result(trial: optuna.Trial, result: TrialResult) -> None:
    """Store a trial's whole result, its state last."""
    state = TrialState[result.state.value]
    trial.set_user_attr("metrics", dict(result.metrics))
    trial.set_user_attr("details", dict(result.details))
    trial.set_user_attr("seconds", result.seconds)
    if result.failure is not None:
        trial.set_user_attr("failure", result.failure.to_json())
        if result.failure.reason == records.OUT_OF_MEMORY:
            # Samplers use the constraints of pruned trials, and ignore failed trials.
            trial.set_constraint("memory", 1.0)
            state = TrialState.PRUNED
    trial.study.tell(trial, result.value, state)


_COPIED = ("metrics", "details", "seconds", "curve")


def reuse_result(trial: optuna.Trial, source: FrozenTrial) -> None:
    """Copy the result of a finished trial with the same configuration and seed."""
    for name in _COPIED:
        if name in source.user_attrs:
            trial.set_user_attr(name, source.user_attrs[name])
    for step, value in source.intermediate_values.items():
        trial.report(value, step)
    trial.set_user_attr("reused_from", source.number)
    complete = source.state == TrialState.COMPLETE
    trial.study.tell(trial, source.value if complete else None, source.state)


def close_duplicate(trial: optuna.Trial, running: int) -> None:
    """Fail a trial whose configuration and seed are those of a running trial."""
    message = f"trial {running} has the same parameters and seed and is running"
    trial.set_user_attr("failure", Failure(records.DUPLICATE, "Duplicate", message).to_json())
    trial.study.tell(trial, state=TrialState.FAIL)


MOST_SPARED = 100
"""The space counts as exhausted after this many proposals in a row that need no new computation."""

_LEFT = Failure(records.INTERRUPTED, records.DRIVER_DIED, "the driver ended while the trial ran")


class TrialStore:
    """The trials of one study, for its only driver.

    Args:
        study: an open study made from ``spec``, held by ``owner``.
        spec: the study's spec.
        address: its database, for messages.
        owner: this process's lease, from ``sweep.storage.guard.take``.
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
        """Raise ``HeldError`` if another driver has taken the study over."""
        if not is_held(self.study, self._owner):
            record = self.study.user_attrs.get(ATTRIBUTE)
            raise taken_over(self.study.study_name, record, self._address.shown)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Write to the study; each transaction checks that this process still holds the lease."""
        with storage_errors(self._address):
            try:
                yield
            except UpdateFinishedTrialError:  # another driver closed the trial
                self._guard()
                raise

    def running(self) -> int:
        """The number of trials that this driver has asked for and not yet told."""
        return len(self._running)

    def retries(self, number: int) -> bool:
        """Whether a running trial is a retry of another."""
        return self._running[number].retry

    def owed(self) -> int:
        """How many more trials to start: those the budget still allows, and reruns."""
        counted = self._index.complete + sum(each.counted for each in self._running.values())
        with storage_errors(self._address):
            return max(0, self.spec.budget.trials - counted) + self._queue.reruns()

    def recover(self) -> int:
        """Fail RUNNING trials that this driver does not run, and queue what is due.

        Returns:
            The number of trials found RUNNING.
        """
        with self._writing():
            self._guard()  # there may be no write that would check it, and files are deleted next
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
        """Queue the retries, reruns and replicates that are due and not queued yet."""
        with storage_errors(self._address):
            self._queue.owed_again()

    def waits(self) -> bool:
        """Whether a trial is WAITING."""
        with storage_errors(self._address):
            return self._queue.waits()

    def ask(self) -> TrialParams | None:
        """Start the next trial that needs computing.

        Returns:
            Its parameters; None when a pilot is complete, or the space has no configuration left.
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
        return None  # also an infinite space, if the sampler proposes only known configurations

    def _open(self) -> Running | None:
        """A new RUNNING trial with all its parameters; None if it was queued with invalid ones."""
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", UserWarning)  # reported by the check below
                trial = self.study.ask(self._distributions)
        except ValueError as error:  # a value that is not among the choices, queued by hand
            if not self._refuse_queued(str(error)):
                raise
            return None
        outside = f"{trial.params} lies outside the search space"
        if not self.spec.space.contains(trial.params) and self._refuse_queued(outside):
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
        """Whether a trial with the same result is finished or running; if so, close this one."""
        duplicate = self._index.duplicate_of(params)
        if duplicate is not None:
            reuse_result(trial, self._trials()[duplicate])
            return True
        now = {run_of(other.params): number for number, other in self._running.items()}
        if run_of(params) not in now:
            return False
        close_duplicate(trial, now[run_of(params)])
        return True

    def report(self, number: int, step: int, value: float, metrics: Mapping[str, float]) -> bool:
        """Store an intermediate value; True asks the trial to stop."""
        if number not in self._running:  # a baseline is never pruned
            return False
        running = self._running[number]
        curve = self._curves.setdefault(number, [])
        if not curve or curve[-1]["step"] < step:  # not for a repeated report
            curve.append(strict({"step": step, "value": value, **metrics})[0])
        with self._writing():
            running.trial.report(value, step)
            running.trial.set_user_attr("curve", curve)
            # Trials outside the search are never pruned: the analysis needs their final values.
            return running.phase == SEARCH and running.trial.should_prune()

    def tell(self, result: TrialResult) -> None:
        """Store a trial's result, its state last.

        May be repeated after an error: what is stored already is not stored twice.
        """
        running = self._running[result.number]
        with self._writing():
            begun = result.number in self._begun
            if not (begun and self._trials()[result.number].state.is_finished()):
                self._begun.add(result.number)
                write_result(running.trial, result)
        del self._running[result.number]
        self._curves.pop(result.number, None)
        if result.failure is None:
            counted = result.state is records.TrialState.COMPLETE and running.counted
            self._index.finish(running.params, counted=counted)
        if result.failure is not None or is_collapsed(result.metrics):
            self.requeue()

    def abandon(self) -> None:
        """Mark this driver's RUNNING trials as interrupted; the next driver queues them again."""
        for number in list(self._running):
            with suppress(StorageError):  # the next driver closes those that fail here
                message = "the driver stopped while the trial ran"
                self.tell(TrialResult.interrupted(number, message))

    def owed_baselines(self) -> list[tuple[Baseline, TrialParams]]:
        """The baselines not yet measured."""
        with storage_errors(self._address):
            return owed_baselines(self.study, self.spec)

    def tell_baseline(self, baseline: Baseline, params: TrialParams, result: TrialResult) -> None:
        """Store a baseline's result; a failed one is measured again by the next run."""
        if result.failure is None:
            with self._writing():
                write_baseline(self.study, baseline, params, result)
