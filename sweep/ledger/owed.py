"""What a study still owes, read off its trials alone.

Nothing is remembered between a trial's end and its being queued again: whoever opens the
study works it out anew, so a driver may be killed at any point and queues nothing twice.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from optuna.trial import FrozenTrial

from sweep.sampling import Key, configuration_key
from sweep.spec import StudySpec
from sweep.trial import DRIVER_DIED, DUPLICATE, Failure, Scalar

Values = Mapping[str, Scalar]


@dataclass(frozen=True)
class Owed:
    """A trial to be queued.

    Attributes:
        values: its parameters.
        replicate: which of the study's seeds.
        retry_of: the trial it runs again; None for a replicate that was never queued.
    """

    values: Values
    replicate: int
    retry_of: int | None = None


def failure_of(trial: FrozenTrial) -> Failure | None:
    """Why a trial has no value; None if it has not failed, or nobody wrote down why."""
    stored: Mapping[str, Any] | None = trial.user_attrs.get("failure")
    return None if stored is None else Failure(**stored)


def values_of(trial: FrozenTrial, spec: StudySpec) -> Values | None:
    """A trial's full configuration; None if it ended before it had one.

    Values that a trial was queued with are its own from the start, even if it was killed
    while they were written out.
    """
    values = {**trial.system_attrs.get("fixed_params", {}), **trial.params}
    return values if set(values) == set(spec.space) else None


def owed_retries(trials: Sequence[FrozenTrial], spec: StudySpec) -> Iterator[Owed]:
    """The interrupted and failed trials that are to be run again and are not queued yet."""
    by_number = {trial.number: trial for trial in trials}
    retried = {trial.user_attrs.get("retry_of") for trial in trials}
    for trial in trials:
        failure = failure_of(trial)
        if failure is None or trial.number in retried or not trial.state.is_finished():
            continue
        values = values_of(trial, spec)
        if values is not None and _deserves_another(trial, failure, by_number, spec):
            yield Owed(values, trial.user_attrs.get("replicate", 0), trial.number)


def _deserves_another(
    trial: FrozenTrial,
    failure: Failure,
    by_number: Mapping[int, FrozenTrial],
    spec: StudySpec,
) -> bool:
    if failure.reason == DUPLICATE:
        return False
    chain = [failure, *_earlier(trial, by_number)]
    if failure.interrupted:
        # A trial that left when asked to is not to blame; one that its driver died with may be.
        return sum(f.kind == DRIVER_DIED for f in chain) <= spec.policy.max_retries
    return sum(not f.interrupted for f in chain) <= spec.policy.failure_retries


def _earlier(trial: FrozenTrial, by_number: Mapping[int, FrozenTrial]) -> Iterator[Failure]:
    """The failures of the trials that this one is a retry of."""
    seen: set[int] = set()  # a hand-edited study might hold a ring
    number: int | None = trial.user_attrs.get("retry_of")
    while number is not None and number in by_number and number not in seen:
        seen.add(number)
        failure = failure_of(by_number[number])
        if failure is not None:
            yield failure
        number = by_number[number].user_attrs.get("retry_of")


def owed_replicates(trials: Sequence[FrozenTrial], spec: StudySpec) -> Iterator[Owed]:
    """The seeds of known configurations for which no trial was ever queued."""
    have: dict[Key, tuple[Values, set[int]]] = {}
    for trial in trials:
        values = values_of(trial, spec)
        if values is not None:
            _, replicates = have.setdefault(configuration_key(values), (values, set()))
            replicates.add(trial.user_attrs.get("replicate", 0))
    for values, replicates in have.values():
        for missing in sorted(set(range(len(spec.seeds))) - replicates):
            yield Owed(values, missing)
