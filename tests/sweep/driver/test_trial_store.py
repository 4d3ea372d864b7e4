from collections.abc import Callable
from dataclasses import replace

import optuna
import pytest
from optuna.trial import TrialState

from sweep import Baseline, Budget, Choice, Pruner, Space, StudySpec
from sweep.driver.trial_store import TrialStore
from sweep.results.status import snapshot
from sweep.results.table import to_table
from sweep.storage.studies import load_study
from sweep.storage.url import StorageUrl
from sweep.study.trial import Failure, TrialParams, TrialResult
from sweep.study.trial import TrialState as State

Open = Callable[[StudySpec], TrialStore]


def count(store: TrialStore, state: TrialState) -> int:
    """The number of trials in a state."""
    return sum(trial.state == state for trial in store.study.trials)


def result(params: TrialParams, value: float = 0.5) -> TrialResult:
    """A complete result."""
    return TrialResult(
        params.number, State.COMPLETE, value, {"mcc": value}, {"modules": 3}, seconds=1.5
    )


def diverge() -> None:
    """Raise as a diverging training loop does."""
    raise FloatingPointError("loss became nan at step 3")


def test_a_store_knows_which_of_its_trials_are_retries(open_store: Open, spec: StudySpec) -> None:
    """Without reading the study."""
    store = open_store(spec)
    first = store.ask()
    fresh = store.retries(first.number)
    store.tell(TrialResult.interrupted(first.number, "left when asked to"))
    again = store.ask()

    assert again.values == first.values
    assert (fresh, store.retries(again.number)) == (False, True)


def test_a_finished_trial_is_stored_with_its_whole_result(
    open_store: Open, address: StorageUrl, spec: StudySpec
) -> None:
    """Value, metrics, details, seconds, seed: read through another connection."""
    store = open_store(spec)
    params = store.ask()
    store.report(params.number, 10, 0.3, {"train_loss": 1.0})
    store.tell(result(params))
    (trial,) = load_study(address).trials

    assert trial.state == TrialState.COMPLETE
    assert trial.value == 0.5
    assert trial.params == params.values
    assert trial.intermediate_values == {10: 0.3}
    assert trial.user_attrs == {
        "phase": "search",
        "replicate": 0,
        "seed": 0,
        "curve": [{"step": 10, "value": 0.3, "train_loss": 1.0}],
        "metrics": {"mcc": 0.5},
        "details": {"modules": 3},
        "seconds": 1.5,
    }


def test_a_failed_trial_has_its_reason_and_no_value(
    open_store: Open, address: StorageUrl, spec: StudySpec
) -> None:
    """Class, message and traceback."""
    store = open_store(spec)
    params = store.ask()
    with pytest.raises(FloatingPointError, match="step 3") as caught:
        diverge()
    failure = Failure.from_exception(caught.value, "nan")
    store.tell(TrialResult.failed(params.number, failure))
    report = snapshot(load_study(address), address)

    assert report["counts"]["FAIL"] == 1
    assert report["best"] is None
    (failed,) = report["failed"]
    assert failed["reason"] == "nan: FloatingPointError: loss became nan at step 3"
    (trial,) = load_study(address).trials
    assert "test_trial_store.py" in trial.user_attrs["failure"]["traceback"]
    assert trial.value is None


def test_only_complete_and_running_trials_reduce_the_remaining_number(
    open_store: Open, spec: StudySpec
) -> None:
    """A failed trial does not count: the budget is N COMPLETE."""
    store = open_store(replace(spec, budget=Budget(trials=3)))
    first, second = store.ask(), store.ask()
    assert store.owed() == 1
    store.tell(result(first))
    store.tell(TrialResult.failed(second.number, Failure("exception", "E", "m")))

    assert store.owed() == 2


def test_an_interrupted_trial_is_closed_and_queued_again(
    open_store: Open, address: StorageUrl, spec: StudySpec
) -> None:
    """A trial left RUNNING by a killed driver runs next, with the same parameters and seed."""
    dead = open_store(spec)
    dead.tell(result(dead.ask()))
    lost = dead.ask()
    store = open_store(spec)
    assert store.recover() == 1
    again = store.ask()

    assert again.number != lost.number
    assert (again.values, again.seed) == (lost.values, lost.seed)
    trials = load_study(address).trials
    assert trials[lost.number].state == TrialState.FAIL
    assert trials[lost.number].user_attrs["failure"]["reason"] == "interrupted"
    assert trials[again.number].user_attrs["retry_of"] == lost.number
    assert [t.state for t in trials].count(TrialState.COMPLETE) == 1


def test_recovering_twice_queues_once(open_store: Open, spec: StudySpec) -> None:
    """A driver that is killed right after recovering loses and duplicates nothing."""
    open_store(spec).ask()
    open_store(spec).recover()
    store = open_store(spec)

    assert store.recover() == 0
    assert count(store, TrialState.WAITING) == 1


def test_abandoned_trials_wait_for_the_next_driver(open_store: Open, spec: StudySpec) -> None:
    """As after Ctrl-C."""
    store = open_store(spec)
    params = store.ask()
    store.abandon()
    resumed = open_store(spec)

    assert resumed.recover() == 0
    assert resumed.ask().values == params.values


def test_every_configuration_runs_once_per_seed(
    open_store: Open, address: StorageUrl, spec: StudySpec
) -> None:
    """Replicates have the same parameters and different seeds; no pair runs twice."""
    few = replace(
        spec, space=Space({"rank": Choice(1, 2, 4)}), seeds=(7, 8), budget=Budget(trials=99)
    )
    store = open_store(few)
    asked = []
    while (params := store.ask()) is not None:
        asked.append((params.values["rank"], params.seed, params.replicate))
        store.tell(result(params))

    assert sorted(asked) == [(r, s, i) for r in (1, 2, 4) for i, s in enumerate((7, 8))]
    assert set(to_table(load_study(address)).configurations) == {0, 1, 2}


def test_replicates_lost_in_a_crash_are_queued_again(open_store: Open, spec: StudySpec) -> None:
    """Killed between asking a configuration and queueing its second seed."""
    two_seeds = replace(spec, seeds=(7, 8))
    store = open_store(two_seeds)
    study = store.study
    trial = study.ask(
        {
            "rank": optuna.distributions.CategoricalDistribution((1, 2, 4, 8)),
            "alpha": optuna.distributions.CategoricalDistribution((1, 2, 4)),
            "targets": optuna.distributions.CategoricalDistribution(spec.space["targets"].values),
        }
    )
    trial.set_user_attr("replicate", 0)
    study.tell(trial, 0.1)
    resumed = open_store(two_seeds)
    resumed.recover()
    params = resumed.ask()

    assert params.values == trial.params
    assert (params.seed, params.replicate) == (8, 1)


def test_a_finite_space_ends(open_store: Open, spec: StudySpec) -> None:
    """``ask`` returns None instead of repeating, and leaves no trial open."""
    store = open_store(replace(spec, space=Space({"rank": Choice(1, 2)})))
    for _ in range(2):
        store.tell(result(store.ask()))

    assert store.ask() is None
    assert count(store, TrialState.RUNNING) == 0


def test_the_pruner_is_used(open_store: Open, spec: StudySpec) -> None:
    """With a median pruner a trial far below the others is pruned."""
    store = open_store(replace(spec, pruner=Pruner("median")))
    for _ in range(6):
        params = store.ask()
        assert not store.report(params.number, 1, 0.9, {})
        store.tell(result(params))
    params = store.ask()

    assert store.report(params.number, 1, 0.1, {})
    store.tell(TrialResult(params.number, State.PRUNED))
    assert count(store, TrialState.PRUNED) == 1


def test_baselines_are_measured_once_per_seed(
    open_store: Open, address: StorageUrl, spec: StudySpec
) -> None:
    """They are no trials: sampler and importance do not use them."""
    based = replace(spec, seeds=(3, 4), baselines=(Baseline("head only", {"rank": 0}),))
    store = open_store(based)
    remaining = store.owed_baselines()
    assert [(b.name, p.seed, p.replicate) for b, p in remaining] == [
        ("head only", 3, 0),
        ("head only", 4, 1),
    ]
    baseline, params = remaining[0]
    store.tell_baseline(baseline, params, result(params, 0.2))
    resumed = open_store(based)

    assert [params.seed for _, params in resumed.owed_baselines()] == [4]
    assert snapshot(resumed.study, address)["baselines"][0]["value"] == 0.2
    assert resumed.study.trials == []


@pytest.mark.parametrize(("direction", "best"), [("maximize", 0.9), ("minimize", 0.1)])
def test_best_depends_on_the_direction(
    open_store: Open, address: StorageUrl, spec: StudySpec, direction: str, best: float
) -> None:
    """It is one trial, with its parameters."""
    store = open_store(replace(spec, direction=direction))
    for value in (0.5, 0.9, 0.1):
        store.tell(result(store.ask(), value))
    report = snapshot(store.study, address)

    assert report["best"]["value"] == best
    assert spec.space.contains(report["best"]["params"])
