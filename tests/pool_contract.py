"""The contract of a worker pool: a class of tests to inherit.

A new pool is tested by a subclass that makes one. ``RealPoolContract`` adds tests that need
workers that compute.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Container, Iterator, Sequence

import pytest

from sweep import Choice, Space, StudySpec, TargetSets
from sweep.signals import Interrupts
from sweep.study.trial import TrialParams
from sweep.workers.messages import (
    Event,
    PackFinished,
    SlotsFree,
    TrialFinished,
    TrialReported,
    WorkerDied,
)
from sweep.workers.pool import Pool

STEPS = 3
SPEC = StudySpec(
    name="small",
    objective="faults.deadly:Deadly",
    space=Space({"rank": Choice(1, 2, 4, 8), "alpha": Choice(2), "targets": TargetSets("qkv")}),
    settings={"function": "surface", "steps": STEPS, "poison": 8, "signal": "SIGABRT"},
)


def pack(*ranks: int, first: int = 0) -> list[TrialParams]:
    """Trials of these ranks, numbered consecutively."""
    values = {"alpha": 2, "targets": "key+query+value"}
    return [TrialParams(first + i, {**values, "rank": rank}) for i, rank in enumerate(ranks)]


def events(
    pool: Pool, waiting: Sequence[TrialParams] = (), pruned: Container[int] = ()
) -> Iterator[Event]:
    """All events until a pack is over; waiting trials fill lanes that become free."""
    queue = list(waiting)
    while True:
        event = pool.next_event(20)
        if event is None:  # the worker has started
            continue
        yield event
        match event:
            case TrialReported(number=number, answer=answer):
                answer(number in pruned)
            case TrialFinished(room=room, answer=follow):
                follow(queue.pop(0) if queue and room else None)
            case SlotsFree(lanes=lanes, answer=join):
                join([queue.pop(0) for _ in range(lanes) if queue])
            case _:
                return


def finished(seen: Sequence[Event]) -> dict[int, str]:
    """States of the trials that ended, by number."""
    over = [event.result for event in seen if isinstance(event, TrialFinished)]
    return {result.number: result.state.value for result in over}


class PoolContract(ABC):
    """Tests of a kind of pool, with any workers."""

    @abstractmethod
    def make(self, workers: int, lanes: int) -> Pool:
        """A pool for ``SPEC``."""

    @pytest.fixture
    def made(self) -> Iterator[list[Pool]]:
        """The pools of a test, closed afterwards."""
        pools: list[Pool] = []
        yield pools
        for pool in pools:
            pool.close()

    def pool(self, made: list[Pool], workers: int = 1, lanes: int = 2) -> Pool:
        """A pool that is closed after the test."""
        made.append(self.make(workers, lanes))
        return made[-1]

    def test_a_pack_gives_each_trial_a_result_and_then_its_worker_is_free(
        self, made: list[Pool]
    ) -> None:
        """Reports come before the result, with steps counted from one."""
        pool = self.pool(made)
        assert (pool.free(), pool.busy()) == (1, False)
        pool.submit(pack(1, 2))
        assert (pool.free(), pool.busy()) == (0, True)
        seen = list(events(pool))

        assert finished(seen) == {0: "COMPLETE", 1: "COMPLETE"}
        steps = [e.step for e in seen if isinstance(e, TrialReported) and e.number == 0]
        assert steps == sorted(set(steps))
        assert seen[-1] == PackFinished([])
        assert (pool.free(), pool.busy()) == (1, False)

    def test_a_free_lane_takes_the_next_trial(self, made: list[Pool]) -> None:
        """Until none waits; the pack ends with its last trial."""
        pool = self.pool(made)
        pool.submit(pack(1, 2))
        seen = list(events(pool, waiting=pack(4, 1, first=2)))

        assert finished(seen) == dict.fromkeys(range(4), "COMPLETE")

    def test_a_closed_pack_accepts_no_trial(self, made: list[Pool]) -> None:
        """For any number of free lanes."""
        pool = self.pool(made)
        pool.submit(pack(1), closed=True)
        seen = list(events(pool, waiting=pack(2, first=1)))

        assert finished(seen) == {0: "COMPLETE"}

    def test_packs_of_several_workers_run_concurrently(self, made: list[Pool]) -> None:
        """Each worker is free when its own pack is over."""
        pool = self.pool(made, workers=2)
        pool.submit(pack(1, 2))
        assert pool.free() == 1
        pool.submit(pack(4, first=2))
        assert pool.free() == 0
        seen = list(events(pool))
        assert pool.free() == 1
        seen += events(pool)

        assert finished(seen) == dict.fromkeys(range(3), "COMPLETE")
        assert not pool.busy()


class RealPoolContract(PoolContract):
    """Tests of a pool whose workers run the objective."""

    def test_a_worker_returns_its_objective_s_facts(self, made: list[Pool]) -> None:
        """Before any trial, and again once a setting is pinned."""
        pool = self.pool(made)
        with Interrupts() as interrupts:
            before = pool.call("facts", interrupts=interrupts)
            pool.pin({"advised": 5}, interrupts=interrupts)
            after = pool.call("facts", interrupts=interrupts)

        assert (before.pack, after.pack) == (1, 5)
        assert before.fingerprints == after.fingerprints

    def test_a_pruned_trial_ends_and_the_others_continue(self, made: list[Pool]) -> None:
        """Its lane is taken by the next trial."""
        pool = self.pool(made)
        pool.submit(pack(1, 2))
        seen = list(events(pool, waiting=pack(4, first=2), pruned=[1]))

        assert finished(seen) == {0: "COMPLETE", 1: "PRUNED", 2: "COMPLETE"}

    def test_trials_that_are_asked_to_stop_are_interrupted(self, made: list[Pool]) -> None:
        """Their failure has this reason, so that they run again."""
        pool = self.pool(made)
        pool.submit(pack(1, 2))
        results = []
        for event in events(pool):
            if isinstance(event, TrialReported) and event.step == 1:
                pool.request_stop()
            if isinstance(event, TrialFinished):
                results.append(event.result)
            if isinstance(event, PackFinished):
                results += event.results

        assert sorted(result.number for result in results) == [0, 1]
        assert {str(result.failure).partition(":")[0] for result in results} == {"interrupted"}

    def test_a_dead_worker_names_its_trials_and_is_replaced(self, made: list[Pool]) -> None:
        """Finished trials keep their results; the next pack has a new worker."""
        pool = self.pool(made)
        pool.submit(pack(1, 2))
        seen = list(events(pool, waiting=pack(8, first=2), pruned=[1]))
        died = seen[-1]

        assert finished(seen) == {1: "PRUNED", 0: "COMPLETE"}
        assert isinstance(died, WorkerDied)
        assert [params.number for params in died.pack] == [2]
        assert died.failure.reason == "worker_died"
        pool.submit(pack(4, first=3))
        assert finished(list(events(pool))) == {3: "COMPLETE"}
