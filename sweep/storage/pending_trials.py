"""The trials that a study still needs, derived from its stored trials alone.

After a driver was killed, the next one derives the same list and queues nothing twice.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from optuna.trial import FrozenTrial, TrialState

from sweep.storage.attributes import TAGS, Tags, Values, failure_of, seed_of, values_of
from sweep.study.design import MEASURE, SEARCH, Point, is_collapsed
from sweep.study.space import Key, configuration_key
from sweep.study.spec import StudySpec
from sweep.study.trial import DRIVER_DIED, DUPLICATE, INPUT_AWAY, Failure, derived_seed


@dataclass(frozen=True)
class PendingTrial:
    """A trial to be queued.

    Attributes:
        values: its parameters.
        tags: its user attributes.
    """

    values: Values
    tags: Tags

    @property
    def replicate(self) -> int:
        """The index of its seed among those of its configuration."""
        return int(self.tags["replicate"])

    @property
    def retry_of(self) -> int | None:
        """The number of the trial that it retries; None if it is no retry."""
        return self.tags.get("retry_of")


def pending_points(
    trials: Sequence[FrozenTrial], points: Sequence[Point], phase: str
) -> Iterator[PendingTrial]:
    """The design's runs for which no trial was ever queued, in the design's order."""
    have = {(t.user_attrs.get("design"), t.user_attrs.get("replicate", 0)) for t in trials}
    for point in points:
        if (point.index, point.replicate) not in have:
            place = {"design": point.index, "replicate": point.replicate, "seed": point.seed}
            yield PendingTrial(point.values, {"phase": phase, **place})


def owed_reruns(trials: Sequence[FrozenTrial], spec: StudySpec) -> Iterator[PendingTrial]:
    """One rerun, with another seed, of each design trial that collapsed.

    One collapse in thirty trials can hide an effect; a second seed shows whether it is the rule.
    """
    again = {trial.user_attrs.get("rerun_of") for trial in trials}
    for trial in trials:
        tags = trial.user_attrs
        if (
            trial.state == TrialState.COMPLETE
            and tags.get("phase") == MEASURE
            and is_collapsed(tags.get("metrics", {}))
            and trial.number not in again
            and not {"rerun_of", "reused_from"} & set(tags)
            and (values := values_of(trial, spec)) is not None
        ):
            seed = derived_seed(seed_of(trial, spec), "rerun")
            yield PendingTrial(
                values, {**_kept(trial, spec), "seed": seed, "rerun_of": trial.number}
            )


def pending_retries(trials: Sequence[FrozenTrial], spec: StudySpec) -> Iterator[PendingTrial]:
    """Retries of interrupted and failed trials that are due and not queued yet."""
    by_number = {trial.number: trial for trial in trials}
    retried = {trial.user_attrs.get("retry_of") for trial in trials}
    for trial in trials:
        failure = failure_of(trial)
        if failure is None or trial.number in retried or not trial.state.is_finished():
            continue
        values = values_of(trial, spec)
        if values is not None and _deserves_another(trial, failure, by_number, spec):
            yield PendingTrial(values, {**_kept(trial, spec), "retry_of": trial.number})


def _kept(trial: FrozenTrial, spec: StudySpec) -> Tags:
    """User attributes that a retry takes over: phase, place in the design, and seed."""
    tags: dict[str, Any] = {"phase": SEARCH, "replicate": 0, "seed": seed_of(trial, spec)}
    return {**tags, **{name: trial.user_attrs[name] for name in TAGS if name in trial.user_attrs}}


def _deserves_another(
    trial: FrozenTrial, failure: Failure, by_number: Mapping[int, FrozenTrial], spec: StudySpec
) -> bool:
    if failure.reason == DUPLICATE:
        return False
    failures = [failure, *_earlier(trial, by_number)]
    if failure.interrupted:
        # A trial that stopped when asked to did not cause the interruption. One whose driver died
        # may have, and so may one whose input is missing each time.
        suspect = sum(f.kind in (DRIVER_DIED, INPUT_AWAY) for f in failures)
        return suspect <= spec.policy.max_retries
    return sum(not f.interrupted for f in failures) <= spec.policy.failure_retries


def _earlier(trial: FrozenTrial, by_number: Mapping[int, FrozenTrial]) -> Iterator[Failure]:
    seen: set[int] = set()  # a study edited by hand may contain a cycle
    number: int | None = trial.user_attrs.get("retry_of")
    while number is not None and number in by_number and number not in seen:
        seen.add(number)
        failure = failure_of(by_number[number])
        if failure is not None:
            yield failure
        number = by_number[number].user_attrs.get("retry_of")


def owed_replicates(trials: Sequence[FrozenTrial], spec: StudySpec) -> Iterator[PendingTrial]:
    """Trials for seeds of searched configurations for which none was ever queued."""
    have: dict[Key, tuple[Values, set[int]]] = {}
    for trial in trials:
        values = values_of(trial, spec)
        if values is not None and trial.user_attrs.get("phase", SEARCH) == SEARCH:
            _, replicates = have.setdefault(configuration_key(values), (values, set()))
            replicates.add(trial.user_attrs.get("replicate", 0))
    for values, replicates in have.values():
        for missing in sorted(set(range(len(spec.seeds))) - replicates):
            yield replicate(values, missing, spec)


def replicate(values: Values, number: int, spec: StudySpec) -> PendingTrial:
    """A configuration of the search with another of the study's seeds."""
    return PendingTrial(values, {"phase": SEARCH, "replicate": number, "seed": spec.seeds[number]})
