from collections.abc import Callable
from dataclasses import replace

import pytest
from optuna.trial import TrialState

from sweep import Budget, Choice, Space, StudySpec
from sweep.driver.trial_store import TrialStore
from sweep.storage.pending_trials import pending_retries
from sweep.study.spec import Policy
from sweep.study.trial import Failure, TrialParams, TrialResult
from sweep.study.trial import TrialState as State

Open = Callable[[StudySpec], TrialStore]
FAILED = Failure("exception", "ValueError", "no")


def complete(params: TrialParams) -> TrialResult:
    """A result with a value."""
    return TrialResult(params.number, State.COMPLETE, 0.5)


def states(store: TrialStore) -> list[str]:
    """The states of all trials, by number."""
    return [trial.state.name for trial in store.study.trials]


def policy(spec: StudySpec, **changes: object) -> StudySpec:
    """The spec with another policy, and four trials."""
    return replace(spec, policy=Policy(**changes), budget=Budget(trials=4))  # type: ignore[arg-type]


def test_a_trial_that_kills_its_driver_is_not_retried_forever(
    open_store: Open, spec: StudySpec
) -> None:
    """After max_retries crashes it is left; a higher number runs it again."""
    twice = policy(spec, max_retries=2)
    first = open_store(twice).ask()
    asked = []
    for _ in range(2):
        store = open_store(twice)
        assert store.recover() == 1
        asked.append(store.ask())
    store = open_store(twice)
    assert store.recover() == 1

    assert [(p.values, p.seed) for p in asked] == [(first.values, first.seed)] * 2
    assert states(store) == ["FAIL"] * 3
    more = open_store(policy(spec, max_retries=3))
    more.recover()
    assert states(more) == ["FAIL"] * 3 + ["WAITING"]
    assert more.study.trials[3].user_attrs["retry_of"] == 2


def test_preempted_trials_are_always_run_again(open_store: Open, spec: StudySpec) -> None:
    """Preemptions do not count as retries, however many."""
    none = policy(spec, max_retries=0)
    for _ in range(5):
        store = open_store(none)
        params = store.ask()
        store.tell(TrialResult.interrupted(params.number, "left when asked to"))

    assert states(store) == ["FAIL"] * 5 + ["WAITING"]
    assert len({str(trial.system_attrs.get("fixed_params")) for trial in store.study.trials}) == 2


@pytest.mark.parametrize(
    ("on_failure", "runs"), [("continue", 1), ("retry(1)", 2), ("retry(3)", 4)]
)
def test_failures_are_retried_as_often_as_the_policy_allows(
    open_store: Open, spec: StudySpec, on_failure: str, runs: int
) -> None:
    """With the same parameters and seed, each naming the one before."""
    spec = policy(spec, on_failure=on_failure)
    store = open_store(spec)
    values = []
    for _ in range(runs):
        params = store.ask()
        values.append((dict(params.values), params.seed))
        store.tell(TrialResult.failed(params.number, FAILED))
    trials = store.study.trials

    assert values == [values[0]] * runs
    assert [t.user_attrs.get("retry_of") for t in trials] == [None, *range(runs - 1)]
    assert list(pending_retries(trials, spec)) == []
    assert store.ask().values != values[0][0]


def test_interruptions_and_failures_are_counted_separately(
    open_store: Open, spec: StudySpec
) -> None:
    """A crash in between uses up no retry."""
    spec = policy(spec, on_failure="retry(1)", max_retries=1)
    store = open_store(spec)
    store.tell(TrialResult.failed(store.ask().number, FAILED))
    store.ask()
    store = open_store(spec)  # the retry's driver died
    store.recover()
    params = store.ask()
    assert params.number == 2
    store.tell(TrialResult.failed(params.number, FAILED))

    assert states(store) == ["FAIL"] * 3


def test_a_retry_killed_before_its_values_were_written_is_queued_again(
    open_store: Open, spec: StudySpec
) -> None:
    """Its parameters are in the queue entry."""
    store = open_store(spec)
    lost = store.ask()
    store = open_store(spec)
    store.recover()
    study = store.study
    trial = study.ask()  # popped from the queue, no parameter written
    assert trial.params == {}
    again = open_store(spec)
    assert again.recover() == 1

    params = again.ask()
    assert (params.values, params.seed) == (lost.values, lost.seed)
    assert study.trials[params.number].user_attrs["retry_of"] == trial.number


def test_a_new_trial_killed_before_it_had_values_is_not_queued_again(
    open_store: Open, spec: StudySpec
) -> None:
    """It had not started; its number stays used."""
    store = open_store(spec)
    store.study.ask()
    again = open_store(spec)

    assert again.recover() == 1
    assert states(again) == ["FAIL"]
    assert again.study.trials[0].user_attrs["failure"]["reason"] == "interrupted"


def test_a_driver_killed_between_closing_and_queueing_loses_nothing(
    open_store: Open, spec: StudySpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Open retries are computed from the trials."""
    lost = open_store(spec).ask()
    with monkeypatch.context() as patch:
        patch.setattr(TrialStore, "requeue", lambda _: None)
        open_store(spec).recover()
    store = open_store(spec)
    assert store.recover() == 0

    assert store.ask().values == lost.values


def test_hundreds_of_recoveries_queue_a_trial_once(open_store: Open, spec: StudySpec) -> None:
    """For any number of drivers that die before they start a trial."""
    open_store(spec).ask()
    for _ in range(6):
        store = open_store(spec)
        store.recover()

    assert states(store) == ["FAIL", "WAITING"]


def test_replicates_are_retried_with_their_own_seed(open_store: Open, spec: StudySpec) -> None:
    """The second seed of a configuration stays the second."""
    two = replace(spec, seeds=(7, 8), space=Space({"rank": Choice(1)}), settings={})
    store = open_store(two)
    store.tell(complete(store.ask()))
    store.ask()
    store = open_store(two)
    store.recover()
    params = store.ask()

    assert (params.seed, params.replicate) == (8, 1)
    store.tell(complete(params))
    assert store.ask() is None
    assert [t.state for t in store.study.trials].count(TrialState.COMPLETE) == 2
