import os
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from pool_contract import events, finished, pack

from sweep import StudySpec
from sweep.errors import SpecError, SweepError
from sweep.signals import Interruption, Interrupts
from sweep.workers.local import LocalLauncher
from sweep.workers.messages import TrialFinished, TrialReported, WorkerDied
from sweep.workers.worker import _portable

Launch = Callable[..., LocalLauncher]


@pytest.fixture
def launch(spec: StudySpec) -> Iterator[Callable[..., LocalLauncher]]:
    """Launchers of one study with other settings, closed afterwards."""
    made: list[LocalLauncher] = []

    def one(objective: str = "", workers: int = 1, lanes: int = 4, **more: Any) -> LocalLauncher:
        changed = replace(
            spec,
            objective=objective or spec.objective,
            settings={**spec.settings, "steps": 3, **more},
        )
        made.append(LocalLauncher(changed, workers, lanes))
        return made[-1]

    yield one
    for launcher in made:
        launcher.close()


def test_a_pruned_lane_is_replaced_at_once(launch: Launch) -> None:
    """The next turn has the trial that waited; the neighbours notice nothing."""
    launcher = launch(lanes=2)
    launcher.submit(pack(2, 4))
    seen = list(events(launcher, waiting=pack(8, first=2), pruned=[1]))

    order = [e.number if isinstance(e, TrialReported) else "over" for e in seen[:-1]]
    # Trial 2 makes its first step while trial 0 makes its second.
    assert order == [0, 1, "over", 0, 2, 0, "over", 2, 2, "over"]
    assert finished(seen) == {1: "PRUNED", 0: "COMPLETE", 2: "COMPLETE"}


def test_into_a_closed_pack_no_trial_follows(launch: Launch) -> None:
    """Closed while it runs, because a worker is wanted free."""
    launcher = launch(workers=2)
    launcher.submit(pack(2, 4))
    launcher.drain_one()  # one is free: nothing changes
    launcher.workers = 1
    rooms = []
    for event in events(launcher):
        if isinstance(event, TrialFinished):
            rooms.append(event.room)
            launcher.drain_one()

    assert rooms == [True, False]


def test_the_smallest_pack_runs_out_when_a_worker_is_wanted(launch: Launch) -> None:
    """One at a time: the others keep their lanes full."""
    launcher = launch(workers=2, sleep_seconds=1.0)
    launcher.submit(pack(1, 2, 4))
    launcher.submit(pack(1, 2, first=3))
    launcher.drain_one()
    launcher.drain_one()
    rooms: dict[int, bool] = {}
    while launcher.busy():
        for event in events(launcher):
            if isinstance(event, TrialFinished):
                rooms[event.result.number] = event.room

    assert rooms == {0: True, 1: True, 2: True, 3: False, 4: False}


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ("raised", "exception: RuntimeError: the lanes are entangled"),
        ("unsendable", "exception: BadResult: a result's metrics.f must be a JSON value"),
        ("lost", "exception: NoResult: the objective gave no result for the trial"),
    ],
)
def test_a_trial_without_a_result_fails_and_those_over_stay(
    launch: Launch, how: str, reason: str
) -> None:
    """Whatever an objective does, each trial ends once."""
    launcher = launch("faults.deadly:Careless", how=how, fail_on=[{"rank": 1}])
    launcher.submit(pack(1, 2, 8, 4))
    seen = list(events(launcher, waiting=pack(4, first=4)))
    last = {result.number: str(result.failure) for result in seen[-1].results}
    over = {e.result.number: str(e.result.failure) for e in seen if isinstance(e, TrialFinished)}
    failed = last | {number: text for number, text in over.items() if number == 2}

    before = {0: "FAIL", 4: "COMPLETE", 1: "COMPLETE"}  # trial 4 has the place of trial 0
    more = {"lost": {3: "COMPLETE"}, "unsendable": {2: "FAIL", 3: "COMPLETE"}}
    assert finished(seen) == before | more.get(how, {})
    assert set(failed) == ({2, 3} if how == "raised" else {2})
    assert all(text.startswith(reason) for text in failed.values())
    assert not launcher.busy()


def test_a_result_too_many_is_refused(launch: Launch) -> None:
    """Its trial keeps the first; the objective is told, and the others fail with that."""
    launcher = launch("faults.deadly:Careless", how="twice")
    launcher.submit(pack(8, 2))
    seen = list(events(launcher))

    assert finished(seen) == {0: "COMPLETE"}
    [result] = seen[-1].results
    assert result.number == 1
    assert "must give one result for each trial" in result.failure.message
    assert "got 'one more of trial 0'" in result.failure.message


def test_a_worker_that_dies_has_the_trials_that_are_not_over(launch: Launch) -> None:
    """Of its pack and of those that followed; its results of before stand."""
    launcher = launch("faults.deadly:Deadly", poison=8, signal="SIGABRT", lanes=3)
    launcher.submit(pack(1, 2, 4))
    seen = list(events(launcher, waiting=pack(8, 1, first=3), pruned=[1]))

    assert finished(seen) == {1: "PRUNED", 0: "COMPLETE"}
    died = seen[-1]
    assert isinstance(died, WorkerDied)
    assert sorted(params.number for params in died.pack) == [2, 3, 4]
    assert "killed by SIGABRT" in died.failure.message
    assert launcher.lanes == 3  # an abort is no want of memory
    assert launcher.free() == 1


def test_a_kill_halves_the_lanes_once_for_packs_of_the_same_size(
    launch: Launch, caplog: pytest.LogCaptureFixture
) -> None:
    """Two workers that the kernel ends in one shortage; a trial alone says nothing of lanes."""
    launcher = launch("faults.deadly:Deadly", workers=2, lanes=6, most=3)
    launcher.submit(pack(1, 1, 1, 1))
    launcher.submit(pack(1, 1, 1, 1, first=4))
    packs = [list(events(launcher))[-1].pack for _ in range(2)]

    assert [len(each) for each in packs] == [4, 4]
    assert launcher.lanes == 3
    assert caplog.text.count("a worker with 4 trials was killed") == 1
    assert "from now on at most 3 together" in caplog.text

    alone = launch("faults.deadly:Deadly", poison=8)
    alone.submit(pack(8))
    assert len(list(events(alone))[-1].pack) == 1
    assert alone.lanes == 4


def test_an_answer_to_a_worker_that_died_meanwhile_harms_nothing(launch: Launch) -> None:
    """The trial that was to follow is among those that it took along."""
    launcher = launch(lanes=2)
    launcher.submit(pack(1, 2))
    for event in events(launcher, waiting=pack(4, first=2), pruned=[0]):
        if isinstance(event, TrialFinished):
            launcher._pool[0].process.kill()
            launcher._pool[0].process.join()
    assert isinstance(event, WorkerDied)

    assert sorted(params.number for params in event.pack) == [1, 2]


def test_an_objective_that_cannot_be_built_says_why_in_the_driver(spec: StudySpec) -> None:
    """The error of the worker, with its class."""
    launcher = LocalLauncher(replace(spec, settings={"function": "nonsense"}))
    with Interrupts() as interrupts, pytest.raises(SpecError, match=r"settings\.function must"):
        launcher.call("facts", interrupts=interrupts)
    launcher.close()


def test_an_unknown_objective_is_named(spec: StudySpec) -> None:
    """Not a traceback from importlib."""
    launcher = LocalLauncher(replace(spec, objective="nowhere.at_all:It"))
    with Interrupts() as interrupts, pytest.raises(SpecError, match=r"'nowhere\.at_all:It'"):
        launcher.call("facts", interrupts=interrupts)
    launcher.close()


def test_a_signal_ends_a_call(spec: StudySpec) -> None:
    """Also while a base model loads for minutes."""
    slow = replace(spec, settings={**spec.settings, "sleep_seconds": 30.0})
    launcher = LocalLauncher(slow)
    launcher.submit(pack(2))
    started = time.monotonic()
    with Interrupts() as interrupts:
        os.kill(os.getpid(), signal.SIGTERM)
        with pytest.raises(Interruption):
            launcher.call("facts", interrupts=interrupts)
    launcher.close()

    assert time.monotonic() - started < 15


class StubbornError(Exception):
    """An exception that cannot be pickled back, as some libraries' cannot."""

    def __init__(self, one: str, two: str) -> None:
        super().__init__(f"{one} and {two}")


def test_an_exception_that_cannot_travel_is_told_in_words() -> None:
    """Its class and text arrive all the same."""
    portable = _portable(StubbornError("this", "that"))

    assert type(portable) is SweepError
    assert str(portable) == "StubbornError: this and that"
    assert isinstance(_portable(ValueError("x")), ValueError)
