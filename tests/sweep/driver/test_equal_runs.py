from collections.abc import Callable
from dataclasses import replace

import pytest
from optuna.trial import TrialState

from sweep import Choice, Float, Sampler, Space, StudySpec
from sweep.driver.trial_store import TrialStore
from sweep.errors import StorageError
from sweep.results.status import snapshot
from sweep.results.table import to_table
from sweep.storage.owner import DriverLease
from sweep.storage.url import StorageUrl
from sweep.study.trial import OUT_OF_MEMORY, Failure, TrialParams, TrialResult
from sweep.study.trial import TrialState as State

Open = Callable[[StudySpec], TrialStore]


def complete(params: TrialParams, value: float = 0.5) -> TrialResult:
    """A result with a value."""
    return TrialResult(params.number, State.COMPLETE, value, {"mcc": value}, {"modules": 3})


def test_a_trial_queued_again_by_hand_is_not_trained_again(
    open_store: Open, address: StorageUrl, spec: StudySpec
) -> None:
    """It gets the first one's result, records this, and does not count again."""
    store = open_store(spec)
    first = store.ask()
    store.report(first.number, 3, 0.4, {})
    store.tell(complete(first, 0.7))
    remaining = store.owed()
    store.study.enqueue_trial(dict(first.values))
    second = store.ask()
    copy = store.study.trials[1]

    assert second.number == 2
    assert second.values != first.values
    assert (copy.state, copy.value) == (TrialState.COMPLETE, 0.7)
    assert copy.user_attrs["reused_from"] == 0
    assert copy.user_attrs["metrics"] == {"mcc": 0.7}
    assert copy.intermediate_values == {3: 0.4}
    assert store.owed() == remaining - 1  # the second; the copy does not count
    assert snapshot(store.study, address)["trials"][1]["reused_from"] == 0
    table = to_table(store.study)
    assert [row.number for row in table.rows] == [0]
    assert "has the result of trial 0" in table.dropped[0].reason


def test_the_same_parameters_with_another_seed_are_another_run(
    open_store: Open, spec: StudySpec
) -> None:
    """Replicates are separate measurements."""
    store = open_store(replace(spec, seeds=(1, 2)))
    first = store.ask()
    store.tell(complete(first))
    second = store.ask()

    assert (second.values, second.seed) == (first.values, 2)


def test_a_resumed_driver_knows_the_computed_runs(open_store: Open, spec: StudySpec) -> None:
    """Its index is built from the study."""
    store = open_store(spec)
    first = store.ask()
    store.tell(complete(first, 0.6))
    store.study.enqueue_trial(dict(first.values))
    again = open_store(spec)
    again.ask()

    assert again.study.trials[1].user_attrs["reused_from"] == 0


def test_a_duplicate_of_a_running_trial_ends_at_once(open_store: Open, spec: StudySpec) -> None:
    """Both would write to one folder; it is neither counted nor retried."""
    store = open_store(spec)
    first = store.ask()
    store.study.enqueue_trial(dict(first.values))
    second = store.ask()

    assert second.values != first.values
    duplicate = store.study.trials[1]
    assert duplicate.state == TrialState.FAIL
    assert duplicate.user_attrs["failure"]["reason"] == "duplicate"
    store.requeue()
    assert TrialState.WAITING not in [trial.state for trial in store.study.trials]


def test_a_failed_trial_s_result_is_not_reused(open_store: Open, spec: StudySpec) -> None:
    """Queued again by hand, it runs again."""
    store = open_store(spec)
    first = store.ask()
    store.tell(TrialResult.failed(first.number, Failure("exception", "E", "m")))
    store.study.enqueue_trial(dict(first.values))

    assert store.ask().values == first.values


@pytest.mark.parametrize(
    "wrong", [{"rank": 3}, {"rank": 1, "alpha": 1, "targets": "nothing"}, {"rank": "1"}]
)
def test_queued_values_outside_the_space_fail_the_trial(
    open_store: Open, spec: StudySpec, wrong: dict[str, object]
) -> None:
    """The sweep continues."""
    store = open_store(spec)
    store.study.enqueue_trial(wrong)
    params = store.ask()

    assert spec.space.contains(params.values)
    assert store.study.trials[0].state == TrialState.FAIL
    assert store.study.trials[0].user_attrs["failure"]["kind"] == "QueuedValues"


def test_a_queued_number_outside_a_range_fails_the_trial_too(
    open_store: Open, spec: StudySpec
) -> None:
    """Optuna would run it with a warning."""
    store = open_store(replace(spec, space=Space({"rate": Float(0.1, 1.0)})))
    store.study.enqueue_trial({"rate": 7.0})
    params = store.ask()

    assert 0.1 <= float(params.values["rate"]) <= 1.0
    assert store.study.trials[0].state == TrialState.FAIL


@pytest.mark.slow
@pytest.mark.parametrize(("name", "seeds"), [("tpe", 4), ("gp", 1)])
def test_samplers_learn_from_running_out_of_memory(
    open_store: Open, spec: StudySpec, name: str, seeds: int
) -> None:
    """Ranks that run out of memory are proposed less often than if they just failed."""
    ranks = Choice(1, 2, 4, 8, 16, 32)
    space = Space({"rank": ranks, "rate": Float(1e-4, 1e-2, log=True)})

    def too_large(reason: str, seed: int) -> int:
        made = replace(
            spec,
            name=f"{reason}{seed}",
            space=space,
            sampler=Sampler(name, seed),
        )
        store = open_store(made)
        late = 0
        for number in range(36):
            params = store.ask()
            rank = int(params.values["rank"])
            if rank >= 16:
                late += number >= 16
                failure = Failure(reason, "OutOfMemoryError", "no room")
                store.tell(TrialResult.failed(params.number, failure))
            else:
                store.tell(complete(params, 0.01 * rank))
        return late

    learnt = sum(too_large(OUT_OF_MEMORY, seed) for seed in range(seeds))
    failed = sum(too_large("exception", seed) for seed in range(seeds))
    assert learnt < failed / 2


def test_out_of_memory_is_shown_as_a_failure(
    open_store: Open, address: StorageUrl, spec: StudySpec
) -> None:
    """For Optuna it is pruned with a violated constraint, without a value."""
    store = open_store(spec)
    failure = Failure(OUT_OF_MEMORY, "MemoryError", "no room", peak_memory_bytes=1 << 30)
    store.tell(TrialResult.failed(store.ask().number, failure))
    (trial,) = store.study.trials
    report = snapshot(store.study, address)

    assert trial.state == TrialState.PRUNED
    assert trial.constraints == {"memory": 1.0}
    assert report["failed"][0]["peak_memory_bytes"] == 1 << 30
    assert report["failed"][0]["reason"] == "out_of_memory: MemoryError: no room"
    assert report["best"] is None


def test_nothing_is_written_once_another_driver_has_the_study(
    open_store: Open, spec: StudySpec
) -> None:
    """Neither a result, nor a report, nor a new trial."""
    store = open_store(spec)
    params = store.ask()
    other = replace(DriverLease.myself(), pid=1, host="elsewhere")
    store.study.set_user_attr("owner", other.to_json())
    before = store.study.trials
    for act in (
        lambda: store.tell(complete(params)),
        lambda: store.report(params.number, 1, 0.1, {}),
        store.ask,
        store.recover,
    ):
        with pytest.raises(
            StorageError, match=r"be driven by this process, got 'process 1 on else"
        ):
            act()
    store.abandon()

    assert store.study.trials == before
