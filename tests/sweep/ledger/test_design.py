"""Studies with a design: which trials they ask for, in which order, and how they are tagged."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from measuring import DESIGN, complete, measured, run, tags
from optuna.trial import TrialState

from sweep import Budget, Choice, Pruner, Space, StudySpec
from sweep.analysis.experiment_design.balanced import balanced_points
from sweep.driver.trial_store import Ledger
from sweep.errors import ResumeError
from sweep.storage.studies import read_points
from sweep.study.design import Design, Pilot
from sweep.study.spec import Policy
from sweep.study.trial import Failure, TrialResult

Open = Callable[[StudySpec], Ledger]


def test_a_study_without_a_design_searches(open_ledger: Open, spec: StudySpec) -> None:
    """Its trials say so, and have no place in a design."""
    ledger = open_ledger(replace(spec, budget=Budget(trials=2)))
    run(ledger)

    assert tags(ledger) == [("search", None, 0)] * 2


def test_the_design_is_run_first_and_in_its_order(open_ledger: Open, spec: StudySpec) -> None:
    """Values, seeds and tags of every point, then the search."""
    ledger = open_ledger(measured(spec, trials=12))
    asked = run(ledger)
    points = balanced_points(ledger.spec.space, DESIGN)

    assert [(p.values, p.seed, p.replicate) for p in asked[:10]] == [
        (point.values, point.seed, point.replicate) for point in points
    ]
    assert tags(ledger) == [
        *(("measure", point.index, point.replicate) for point in points),
        ("search", None, 0),
        ("search", None, 0),
    ]


def test_a_small_budget_runs_the_first_points(open_ledger: Open, spec: StudySpec) -> None:
    """And a larger one goes on with the next, in another process."""
    run(open_ledger(measured(spec, trials=3)))
    ledger = open_ledger(measured(spec, trials=5))
    run(ledger)

    assert [place for _, place, _ in tags(ledger)] == [
        point.index for point in read_points(ledger.study)[:5]
    ]


def test_no_measured_configuration_is_searched_again(open_ledger: Open, spec: StudySpec) -> None:
    """In a finite space the search finds what the design left, and then the end."""
    few = replace(
        spec,
        space=Space({"rank": Choice(1, 2, 4), "alpha": Choice(1, 2, 4)}),
        design=Design(configurations=5, duplicates=1),
        budget=Budget(trials=99),
    )
    ledger = open_ledger(few)
    asked = run(ledger)

    assert len(asked) == 9 + 1
    assert len({tuple(p.values.items()) for p in asked}) == 9
    assert [phase for phase, _, _ in tags(ledger)] == ["measure"] * 6 + ["search"] * 4


def test_a_whole_factorial_runs_its_duplicates_and_ends(open_ledger: Open, spec: StudySpec) -> None:
    """Every configuration has a trial when duplicates are still owed."""
    few = replace(
        spec,
        space=Space({"rank": Choice(1, 2), "alpha": Choice(1, 2)}),
        design=Design(configurations=50, duplicates=3),
        budget=Budget(trials=99),
    )
    ledger = open_ledger(few)

    assert len(run(ledger)) == 4 + 3
    assert ledger.ask() is None


def test_the_search_knows_what_was_measured(open_ledger: Open, spec: StudySpec) -> None:
    """TPE starts from the measured trials: at their best rank oftener than by chance."""
    warm = replace(measured(spec, 40), design=Design(24, 0, tries=5))
    ledger = open_ledger(warm)
    searched = run(ledger)[24:]

    assert len(searched) == 16
    assert sum(params.values["rank"] == 8 for params in searched) >= 9


def test_every_seed_of_a_study_is_for_the_search_alone(open_ledger: Open, spec: StudySpec) -> None:
    """A design has its own duplicates."""
    ledger = open_ledger(replace(measured(spec, trials=14), seeds=(7, 8)))
    asked = run(ledger)

    assert len(read_points(ledger.study)) == 10
    assert [(p.seed, p.replicate) for p in asked[10:]] == [(7, 0), (8, 1)] * 2


@pytest.mark.parametrize("moment", ["asked", "queued", "closed"])
def test_a_driver_killed_at_any_moment_queues_nothing_twice(
    open_ledger: Open, spec: StudySpec, moment: str
) -> None:
    """After each trial a driver dies; the design is complete, each point once, in its order."""
    whole = measured(spec, trials=10)
    done = 0
    while done < 10:
        ledger = open_ledger(whole)
        ledger.recover()
        ledger.tell(complete(ledger.ask()))
        done += 1
        if moment == "queued":
            ledger._queue.add_point()
        elif ledger.owed():
            ledger.ask()
            if moment == "closed":
                open_ledger(whole).recover()
    ledger = open_ledger(whole)
    ledger.recover()
    trials = [t for t in ledger.study.trials if t.state == TrialState.COMPLETE]

    assert ledger.owed() == 0
    assert [(t.user_attrs["design"], t.user_attrs["replicate"]) for t in trials] == [
        (point.index, point.replicate) for point in read_points(ledger.study)
    ]
    assert [t.user_attrs["seed"] for t in trials] == [
        point.seed for point in read_points(ledger.study)
    ]
    assert {t.user_attrs["phase"] for t in ledger.study.trials} == {"measure"}


def test_a_retry_keeps_its_place(open_ledger: Open, spec: StudySpec) -> None:
    """Phase, number in the design, replicate and seed, for failures and interruptions alike."""
    ledger = open_ledger(replace(measured(spec), policy=Policy(on_failure="retry(1)")))
    first, second = ledger.ask(), ledger.ask()
    ledger.tell(TrialResult.failed(first.number, Failure("exception", "E", "m")))
    ledger.tell(TrialResult.interrupted(second.number, "left"))
    again = [ledger.ask(), ledger.ask()]
    trials = ledger.study.trials

    assert [params.seed for params in again] == [first.seed, second.seed]
    for before, after in zip(trials[:2], trials[2:4], strict=True):
        for name in ("phase", "design", "replicate", "seed"):
            assert after.user_attrs[name] == before.user_attrs[name]
        assert after.user_attrs["retry_of"] == before.number


def test_what_is_measured_is_never_pruned(open_ledger: Open, spec: StudySpec) -> None:
    """However bad it is; in the search it would be."""
    ledger = open_ledger(replace(measured(spec, trials=20), pruner=Pruner("median")))
    for _ in range(9):
        params = ledger.ask()
        ledger.report(params.number, 1, 0.9, {})
        ledger.tell(complete(params))
    last = ledger.ask()
    assert not ledger.report(last.number, 1, 0.1, {})
    ledger.tell(complete(last))
    searched = ledger.ask()

    assert ledger.report(searched.number, 1, 0.1, {})


def test_a_collapsed_trial_is_run_again_once(open_ledger: Open, spec: StudySpec) -> None:
    """With another seed, outside the budget, and even if it collapses again."""
    ledger = open_ledger(measured(spec, trials=3))
    first = ledger.ask()
    owed = ledger.owed()
    ledger.tell(complete(first, 0.0, degenerate=True))
    assert ledger.owed() == owed + 1
    again = ledger.ask()
    ledger.tell(complete(again, 0.0, degenerate=True))
    trial = ledger.study.trials[again.number]

    assert again.values == first.values
    assert again.seed != first.seed
    assert trial.user_attrs["rerun_of"] == first.number
    assert trial.user_attrs["design"] == ledger.study.trials[0].user_attrs["design"]
    assert ledger.owed() == owed
    assert len(run(ledger)) == 2
    assert TrialState.WAITING not in [t.state for t in ledger.study.trials]


def test_the_last_trial_of_a_budget_is_run_again_too(open_ledger: Open, spec: StudySpec) -> None:
    """Though the target is met, and by a driver that opens the study anew."""
    whole = measured(spec, trials=1)
    ledger = open_ledger(whole)
    ledger.tell(complete(ledger.ask(), 0.0, collapsed=True))
    assert ledger.owed() == 1
    resumed = open_ledger(whole)
    resumed.recover()
    assert resumed.owed() == 1
    lost = resumed.ask()
    last = open_ledger(whole)
    last.recover()
    again = last.ask()
    last.tell(complete(again, 0.4))

    assert (again.values, again.seed) == (lost.values, lost.seed)
    assert last.study.trials[again.number].user_attrs["rerun_of"] == 0
    assert last.owed() == 0
    assert open_ledger(whole).owed() == 0


def test_a_collapse_in_the_search_is_a_result(open_ledger: Open, spec: StudySpec) -> None:
    """The sampler learns from it; nobody measures with it."""
    ledger = open_ledger(replace(spec, budget=Budget(trials=1)))
    ledger.tell(complete(ledger.ask(), 0.0, degenerate=True))

    assert ledger.owed() == 0
    assert len(ledger.study.trials) == 1


def test_a_pilot_ends_with_its_points(open_ledger: Open, spec: StudySpec) -> None:
    """Nothing is searched, even if points failed; a collapse is what it is there to see."""
    pilot = replace(measured(spec, trials=99), design=Pilot(repeats=2, values=2))
    ledger = open_ledger(pilot)
    ledger.tell(complete(ledger.ask(), 0.0, degenerate=True))
    ledger.tell(TrialResult.failed(ledger.ask().number, Failure("exception", "E", "m")))
    run(ledger)

    assert len(ledger.study.trials) == 2 * 2 + 2 * 4
    assert {phase for phase, _, _ in tags(ledger)} == {"pilot"}
    assert ledger.ask() is None


def test_points_are_those_laid_out_when_the_study_was_made(
    open_ledger: Open, spec: StudySpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A library that draws otherwise changes no study that has begun."""
    laid_out = read_points(open_ledger(measured(spec)).study)
    monkeypatch.setattr("sweep.analysis.experiment_design.points.design_points", lambda *_: ())

    assert read_points(open_ledger(measured(spec)).study) == laid_out


def test_another_design_is_refused_by_name(open_ledger: Open, spec: StudySpec) -> None:
    """It would be another measurement."""
    open_ledger(measured(spec))
    with pytest.raises(ResumeError, match=r"design\.duplicates: 2 -> 3"):
        open_ledger(replace(measured(spec), design=replace(DESIGN, duplicates=3)))
    with pytest.raises(ResumeError, match=r"design: \{.*\} -> absent"):
        open_ledger(replace(measured(spec), design=None))
