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
    """Makes launchers of one study with other settings, closed afterwards."""
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


def test_a_pruned_lane_is_refilled_at_once(launch: Launch) -> None:
    """In the next turn the waiting trial runs; others are unaffected."""
    launcher = launch(lanes=2)
    launcher.submit(pack(2, 4))
    seen = list(events(launcher, waiting=pack(8, first=2), pruned=[1]))

    order = [e.number if isinstance(e, TrialReported) else "over" for e in seen[:-1]]
    # Trial 2 makes its first step while trial 0 makes its second.
    assert order == [0, 1, "over", 0, 2, 0, "over", 2, 2, "over"]
    assert finished(seen) == {1: "PRUNED", 0: "COMPLETE", 2: "COMPLETE"}


def test_a_closed_pack_is_not_refilled(launch: Launch) -> None:
    """It is closed while it runs, because a free worker is needed."""
    launcher = launch(workers=2)
    launcher.submit(pack(2, 4))
    launcher.drain_one()  # one worker is free: nothing changes
    launcher.workers = 1
    rooms = []
    for event in events(launcher):
        if isinstance(event, TrialFinished):
            rooms.append(event.room)
            launcher.drain_one()

    assert rooms == [True, False]


def test_the_smallest_pack_is_closed_when_a_worker_is_needed(launch: Launch) -> None:
    """One at a time: the others keep refilling their lanes."""
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
def test_a_trial_without_a_result_fails_and_finished_ones_stay(
    launch: Launch, how: str, reason: str
) -> None:
    """Whatever an objective does, each trial ends once."""
    launcher = launch("faults.deadly:Careless", how=how, fail_on=[{"rank": 1}])
    launcher.submit(pack(1, 2, 8, 4))
    seen = list(events(launcher, waiting=pack(4, first=4)))
    last = {result.number: str(result.failure) for result in seen[-1].results}
    over = {e.result.number: str(e.result.failure) for e in seen if isinstance(e, TrialFinished)}
    failed = last | {number: text for number, text in over.items() if number == 2}

    before = {0: "FAIL", 4: "COMPLETE", 1: "COMPLETE"}  # trial 4 took the lane of trial 0
    more = {"lost": {3: "COMPLETE"}, "unsendable": {2: "FAIL", 3: "COMPLETE"}}
    assert finished(seen) == before | more.get(how, {})
    assert set(failed) == ({2, 3} if how == "raised" else {2})
    assert all(text.startswith(reason) for text in failed.values())
    assert not launcher.busy()


def test_a_second_result_of_a_trial_is_refused(launch: Launch) -> None:
    """The first one stays; the objective gets an exception, and the others fail with it."""
    launcher = launch("faults.deadly:Careless", how="twice")
    launcher.submit(pack(8, 2))
    seen = list(events(launcher))

    assert finished(seen) == {0: "COMPLETE"}
    [result] = seen[-1].results
    assert result.number == 1
    assert "must give one result for each trial" in result.failure.message
    assert "got 'one more of trial 0'" in result.failure.message


def test_a_dead_worker_reports_its_unfinished_trials(launch: Launch) -> None:
    """Of its pack and of refills; earlier results stay."""
    launcher = launch("faults.deadly:Deadly", poison=8, signal="SIGABRT", lanes=3)
    launcher.submit(pack(1, 2, 4))
    seen = list(events(launcher, waiting=pack(8, 1, first=3), pruned=[1]))

    assert finished(seen) == {1: "PRUNED", 0: "COMPLETE"}
    died = seen[-1]
    assert isinstance(died, WorkerDied)
    assert sorted(params.number for params in died.pack) == [2, 3, 4]
    assert "killed by SIGABRT" in died.failure.message
    assert launcher.lanes == 3  # an abort is not out of memory
    assert launcher.free() == 1


def test_a_kill_halves_the_lanes_once_for_packs_of_the_same_size(
    launch: Launch, caplog: pytest.LogCaptureFixture
) -> None:
    """Two workers killed in one memory shortage; a trial alone has no effect on lanes."""
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


def test_an_answer_to_a_worker_that_died_meanwhile_is_ignored(launch: Launch) -> None:
    """The refill is among the trials that died with it."""
    launcher = launch(lanes=2)
    launcher.submit(pack(1, 2))
    for event in events(launcher, waiting=pack(4, first=2), pruned=[0]):
        if isinstance(event, TrialFinished):
            launcher._pool[0].process.kill()
            launcher._pool[0].process.join()
    assert isinstance(event, WorkerDied)

    assert sorted(params.number for params in event.pack) == [1, 2]


def test_an_objective_that_cannot_be_built_raises_in_the_driver(spec: StudySpec) -> None:
    """The worker's error, with its class."""
    launcher = LocalLauncher(replace(spec, settings={"function": "nonsense"}))
    with Interrupts() as interrupts, pytest.raises(SpecError, match=r"settings\.function must"):
        launcher.call("facts", interrupts=interrupts)
    launcher.close()


def test_an_unknown_objective_is_one_error(spec: StudySpec) -> None:
    """Without a traceback of importlib."""
    launcher = LocalLauncher(replace(spec, objective="nowhere.at_all:It"))
    with Interrupts() as interrupts, pytest.raises(SpecError, match=r"'nowhere\.at_all:It'"):
        launcher.call("facts", interrupts=interrupts)
    launcher.close()


def test_a_signal_interrupts_a_call(spec: StudySpec) -> None:
    """Also while a base model is loaded for minutes."""
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
    """An exception that cannot be unpickled, like those of some libraries."""

    def __init__(self, one: str, two: str) -> None:
        super().__init__(f"{one} and {two}")


def test_an_exception_that_cannot_be_pickled_is_sent_as_text() -> None:
    """With its class and message."""
    portable = _portable(StubbornError("this", "that"))

    assert type(portable) is SweepError
    assert str(portable) == "StubbornError: this and that"
    assert isinstance(_portable(ValueError("x")), ValueError)
