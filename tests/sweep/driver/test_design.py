"""Studies with a design: their trials, the order, and the tags."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from measuring import DESIGN, complete, measured, run, tags
from optuna.trial import TrialState

from sweep import Budget, Choice, Pruner, Space, StudySpec
from sweep.analysis.experiment_design.balanced import balanced_points
from sweep.driver.trial_store import TrialStore
from sweep.errors import ResumeError
from sweep.storage.studies import read_points
from sweep.study.design import Design, Pilot
from sweep.study.spec import Policy
from sweep.study.trial import Failure, TrialResult

Open = Callable[[StudySpec], TrialStore]


def test_a_study_without_a_design_searches(open_store: Open, spec: StudySpec) -> None:
    """Its trials have the phase "search", and no index in a design."""
    store = open_store(replace(spec, budget=Budget(trials=2)))
    run(store)

    assert tags(store) == [("search", None, 0)] * 2


def test_the_design_runs_first_and_in_its_order(open_store: Open, spec: StudySpec) -> None:
    """Values, seeds and tags of every point, then the search."""
    store = open_store(measured(spec, trials=12))
    asked = run(store)
    points = balanced_points(store.spec.space, DESIGN)

    assert [(p.values, p.seed, p.replicate) for p in asked[:10]] == [
        (point.values, point.seed, point.replicate) for point in points
    ]
    assert tags(store) == [
        *(("measure", point.index, point.replicate) for point in points),
        ("search", None, 0),
        ("search", None, 0),
    ]


def test_a_small_budget_runs_the_first_points(open_store: Open, spec: StudySpec) -> None:
    """A larger budget continues with the next points, in another process."""
    run(open_store(measured(spec, trials=3)))
    store = open_store(measured(spec, trials=5))
    run(store)

    assert [place for _, place, _ in tags(store)] == [
        point.index for point in read_points(store.study)[:5]
    ]


def test_a_measured_configuration_is_not_searched_again(open_store: Open, spec: StudySpec) -> None:
    """In a finite space the search runs what the design left, and then ends."""
    few = replace(
        spec,
        space=Space({"rank": Choice(1, 2, 4), "alpha": Choice(1, 2, 4)}),
        design=Design(configurations=5, duplicates=1),
        budget=Budget(trials=99),
    )
    store = open_store(few)
    asked = run(store)

    assert len(asked) == 9 + 1
    assert len({tuple(p.values.items()) for p in asked}) == 9
    assert [phase for phase, _, _ in tags(store)] == ["measure"] * 6 + ["search"] * 4


def test_a_full_factorial_runs_its_duplicates_and_ends(open_store: Open, spec: StudySpec) -> None:
    """Every configuration has a trial while duplicates remain."""
    few = replace(
        spec,
        space=Space({"rank": Choice(1, 2), "alpha": Choice(1, 2)}),
        design=Design(configurations=50, duplicates=3),
        budget=Budget(trials=99),
    )
    store = open_store(few)

    assert len(run(store)) == 4 + 3
    assert store.ask() is None


@pytest.mark.integration
def test_the_search_uses_the_measured_trials(open_store: Open, spec: StudySpec) -> None:
    """TPE learns from them: it proposes their best rank more often than by chance."""
    warm = replace(measured(spec, 40), design=Design(24, 0, tries=5))
    store = open_store(warm)
    searched = run(store)[24:]

    assert len(searched) == 16
    assert sum(params.values["rank"] == 8 for params in searched) >= 9


def test_multiple_seeds_apply_to_the_search_only(open_store: Open, spec: StudySpec) -> None:
    """A design has its own duplicates."""
    store = open_store(replace(measured(spec, trials=14), seeds=(7, 8)))
    asked = run(store)

    assert len(read_points(store.study)) == 10
    assert [(p.seed, p.replicate) for p in asked[10:]] == [(7, 0), (8, 1)] * 2


@pytest.mark.integration
@pytest.mark.parametrize("moment", ["asked", "queued", "closed"])
def test_a_driver_killed_at_any_moment_queues_nothing_twice(
    open_store: Open, spec: StudySpec, moment: str
) -> None:
    """A driver is killed after each trial; the design is complete, each point once, in order."""
    whole = measured(spec, trials=10)
    done = 0
    while done < 10:
        store = open_store(whole)
        store.recover()
        store.tell(complete(store.ask()))
        done += 1
        if moment == "queued":
            store._queue.add_point()
        elif store.owed():
            store.ask()
            if moment == "closed":
                open_store(whole).recover()
    store = open_store(whole)
    store.recover()
    trials = [t for t in store.study.trials if t.state == TrialState.COMPLETE]

    assert store.owed() == 0
    assert [(t.user_attrs["design"], t.user_attrs["replicate"]) for t in trials] == [
        (point.index, point.replicate) for point in read_points(store.study)
    ]
    assert [t.user_attrs["seed"] for t in trials] == [
        point.seed for point in read_points(store.study)
    ]
    assert {t.user_attrs["phase"] for t in store.study.trials} == {"measure"}


def test_a_retry_keeps_its_tags(open_store: Open, spec: StudySpec) -> None:
    """Phase, index in the design, replicate and seed, after failures and interruptions."""
    store = open_store(replace(measured(spec), policy=Policy(on_failure="retry(1)")))
    first, second = store.ask(), store.ask()
    store.tell(TrialResult.failed(first.number, Failure("exception", "E", "m")))
    store.tell(TrialResult.interrupted(second.number, "left"))
    again = [store.ask(), store.ask()]
    trials = store.study.trials

    assert [params.seed for params in again] == [first.seed, second.seed]
    for before, after in zip(trials[:2], trials[2:4], strict=True):
        for name in ("phase", "design", "replicate", "seed"):
            assert after.user_attrs[name] == before.user_attrs[name]
        assert after.user_attrs["retry_of"] == before.number


def test_measured_trials_are_never_pruned(open_store: Open, spec: StudySpec) -> None:
    """However bad; in the search they would be."""
    store = open_store(replace(measured(spec, trials=20), pruner=Pruner("median")))
    for _ in range(9):
        params = store.ask()
        store.report(params.number, 1, 0.9, {})
        store.tell(complete(params))
    last = store.ask()
    assert not store.report(last.number, 1, 0.1, {})
    store.tell(complete(last))
    searched = store.ask()

    assert store.report(searched.number, 1, 0.1, {})


def test_a_collapsed_trial_is_run_again_once(open_store: Open, spec: StudySpec) -> None:
    """With another seed, outside the budget, and not again if that collapses too."""
    store = open_store(measured(spec, trials=3))
    first = store.ask()
    remaining = store.owed()
    store.tell(complete(first, 0.0, degenerate=True))
    assert store.owed() == remaining + 1
    again = store.ask()
    store.tell(complete(again, 0.0, degenerate=True))
    trial = store.study.trials[again.number]

    assert again.values == first.values
    assert again.seed != first.seed
    assert trial.user_attrs["rerun_of"] == first.number
    assert trial.user_attrs["design"] == store.study.trials[0].user_attrs["design"]
    assert store.owed() == remaining
    assert len(run(store)) == 2
    assert TrialState.WAITING not in [t.state for t in store.study.trials]


def test_the_last_trial_of_a_budget_is_run_again_too(open_store: Open, spec: StudySpec) -> None:
    """Although the budget is reached, and by a driver that opens the study again."""
    whole = measured(spec, trials=1)
    store = open_store(whole)
    store.tell(complete(store.ask(), 0.0, collapsed=True))
    assert store.owed() == 1
    resumed = open_store(whole)
    resumed.recover()
    assert resumed.owed() == 1
    lost = resumed.ask()
    last = open_store(whole)
    last.recover()
    again = last.ask()
    last.tell(complete(again, 0.4))

    assert (again.values, again.seed) == (lost.values, lost.seed)
    assert last.study.trials[again.number].user_attrs["rerun_of"] == 0
    assert last.owed() == 0
    assert open_store(whole).owed() == 0


def test_a_collapse_in_the_search_is_a_result(open_store: Open, spec: StudySpec) -> None:
    """The sampler learns from it; no verdict uses it."""
    store = open_store(replace(spec, budget=Budget(trials=1)))
    store.tell(complete(store.ask(), 0.0, degenerate=True))

    assert store.owed() == 0
    assert len(store.study.trials) == 1


def test_a_pilot_ends_with_its_points(open_store: Open, spec: StudySpec) -> None:
    """Nothing is searched, even if points failed; a pilot counts collapses."""
    pilot = replace(measured(spec, trials=99), design=Pilot(repeats=2, values=2))
    store = open_store(pilot)
    store.tell(complete(store.ask(), 0.0, degenerate=True))
    store.tell(TrialResult.failed(store.ask().number, Failure("exception", "E", "m")))
    run(store)

    assert len(store.study.trials) == 2 * 2 + 2 * 4
    assert {phase for phase, _, _ in tags(store)} == {"pilot"}
    assert store.ask() is None


def test_points_are_stored_when_the_study_is_created(
    open_store: Open, spec: StudySpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A library with another random generator does not change a running study."""
    laid_out = read_points(open_store(measured(spec)).study)
    monkeypatch.setattr("sweep.analysis.experiment_design.balanced.design_points", lambda *_: ())

    assert read_points(open_store(measured(spec)).study) == laid_out


def test_another_design_is_refused_by_name(open_store: Open, spec: StudySpec) -> None:
    """It would be another measurement."""
    open_store(measured(spec))
    with pytest.raises(ResumeError, match=r"design\.duplicates: 2 -> 3"):
        open_store(replace(measured(spec), design=replace(DESIGN, duplicates=3)))
    with pytest.raises(ResumeError, match=r"design: \{.*\} -> absent"):
        open_store(replace(measured(spec), design=None))
