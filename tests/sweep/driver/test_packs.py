"""Sweeps whose workers run several trials together."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from command import lorasweep
from optuna.trial import FrozenTrial, TrialState

from sweep import Baseline, Budget, Choice, Pruner, Sampler, Space, StudySpec
from sweep.driver.run_study import Options, run_study
from sweep.errors import SweepError
from sweep.storage.studies import load_study
from sweep.storage.url import StorageUrl
from sweep.study.spec import Policy

POISON = {"objective": "faults.deadly:Deadly"}


@dataclass
class Recorder:
    """A listener that checks the number of running trials, and records events."""

    entries: list[tuple[str, int]] = field(default_factory=list)
    running: set[int] = field(default_factory=set)
    together: list[int] = field(default_factory=list)

    def started(self, number: int, label: str) -> None:
        """Record the start of a trial."""
        assert label
        self.running.add(number)
        self.entries.append(("started", number))
        self.together.append(len(self.running))

    def reported(self, number: int, step: int, value: float) -> None:
        """Record a report of a running trial."""
        del step, value
        assert number in self.running

    def finished(
        self, state: str, number: int, value: float | None, reason: str | None, seconds: float
    ) -> None:
        """Record the end of a running trial."""
        del value, reason, seconds
        self.running.remove(number)
        self.entries.append((state, number))


def run(
    spec: StudySpec, address: StorageUrl, pack: int | None, workers: int = 1, **changes: Any
) -> Recorder:
    """Run a sweep of a study; ``steps`` and the like are settings."""
    own = {name: changes.pop(name) for name in list(changes) if name not in spec.to_json()}
    changed = replace(spec, settings={**spec.settings, **own}, **changes)
    recorder = Recorder()
    run_study(changed, address, recorder, Options(workers=workers, pack=pack))
    assert not recorder.running
    return recorder


def trials_of(address: StorageUrl) -> list[FrozenTrial]:
    """All trials, checked to be closed."""
    trials = load_study(address).trials
    assert all(trial.state.is_finished() for trial in trials)
    return trials


def complete(address: StorageUrl) -> Counter[tuple[object, ...]]:
    """The COMPLETE trials and their values."""
    return Counter(
        (*sorted(trial.params.items()), trial.user_attrs["seed"], trial.value)
        for trial in trials_of(address)
        if trial.state == TrialState.COMPLETE
    )


def reasons(address: StorageUrl) -> Counter[str]:
    """The reasons of failures."""
    failures = [t.user_attrs.get("failure") for t in trials_of(address)]
    return Counter(failure["kind"] for failure in failures if failure is not None)


@pytest.mark.integration
def test_results_do_not_depend_on_the_packs(spec: StudySpec, tmp_path: Path) -> None:
    """Trial by trial: parameters, seeds, curves, values, and failures."""
    options = {
        "sampler": Sampler("random", seed=3),
        "seeds": (0, 1),
        "budget": Budget(trials=14),
        "steps": 3,
        "noise": 0.05,
        "fail_on": [{"rank": 4, "alpha": 2}],
    }
    seen = {}
    for pack, workers in ((1, 1), (4, 1), (3, 2)):
        address = StorageUrl.parse(f"sqlite:///{tmp_path}/{pack}.db")
        run(spec, address, pack, workers, **options)
        seen[pack] = {
            t.number: (t.params, t.user_attrs["seed"], t.state, t.value, t.user_attrs.get("curve"))
            for t in trials_of(address)
        }

    assert seen[1] == seen[4] == seen[3]
    assert {state for _, _, state, _, _ in seen[1].values()} == {
        TrialState.COMPLETE,
        TrialState.FAIL,
    }


@pytest.mark.integration
def test_a_free_lane_is_refilled_before_anything_else(spec: StudySpec, address: StorageUrl) -> None:
    """After a pruned, failed or complete trial: while trials remain, four run."""
    recorder = run(
        spec,
        address,
        4,
        pruner=Pruner("median"),
        budget=Budget(trials=12),
        steps=6,
        fail_on=[{"rank": 1, "alpha": 1}],
        sampler=Sampler("random"),
    )
    ended = [i for i, (what, _) in enumerate(recorder.entries) if what != "started"]
    last_start = max(i for i, (what, _) in enumerate(recorder.entries) if what == "started")
    counts = Counter(what for what, _ in recorder.entries)

    assert counts["PRUNED"] >= 2
    assert counts["COMPLETE"] == 12
    assert recorder.together[:4] == [1, 2, 3, 4]
    assert set(recorder.together[4:]) == {4}
    assert all(recorder.entries[i + 1][0] == "started" for i in ended if i < last_start)


@pytest.mark.parametrize(
    ("trials", "pack"),
    [
        (5, 4),
        (2, 8),
        *(pytest.param(*each, marks=pytest.mark.integration) for each in ((7, 3), (9, 8))),
    ],
)
def test_a_budget_is_reached_with_any_packs(
    spec: StudySpec, address: StorageUrl, trials: int, pack: int
) -> None:
    """Divisible or not; no trial more, and no configuration twice."""
    recorder = run(spec, address, pack, budget=Budget(trials=trials), steps=2)

    assert len(trials_of(address)) == len(complete(address)) == trials
    assert max(recorder.together) == min(pack, trials)


def test_a_space_may_be_smaller_than_a_pack(spec: StudySpec, address: StorageUrl) -> None:
    """Three configurations for eight lanes: three trials, and the sweep ends."""
    small = {"rank": Choice(1, 2, 4), "alpha": Choice(1), "targets": spec.space["targets"]}
    small["targets"] = type(small["targets"])("qkv")
    recorder = run(spec, address, 8, workers=2, space=Space(small), budget=Budget(trials=20))

    assert len(trials_of(address)) == len(complete(address)) == 3
    assert recorder.together[:3] == [1, 2, 3]


def test_failures_in_an_exhausted_space_are_retried(spec: StudySpec, address: StorageUrl) -> None:
    """While their pack runs; nothing else was left to run."""
    small = {"rank": Choice(1, 2, 4), "alpha": Choice(1), "targets": Choice("query")}
    options = {"fail_on": [{"number": 1}], "policy": Policy(on_failure="retry(1)"), "steps": 4}
    run(spec, address, 8, space=Space(small), budget=Budget(trials=20), **options)

    assert sorted(dict(key[:-2])["rank"] for key in complete(address)) == [1, 2, 4]
    assert [t.user_attrs.get("retry_of") for t in trials_of(address)] == [None, None, None, 1]


def test_few_trials_are_spread_over_the_workers(
    spec: StudySpec, address: StorageUrl, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Five for two workers of four lanes: three and two, not four and one."""
    from sweep.workers.local import LocalLauncher

    sizes = []
    submit = LocalLauncher.submit

    def noted(self: LocalLauncher, pack: Any, *, closed: bool = False) -> None:
        sizes.append(len(pack))
        submit(self, pack, closed=closed)

    monkeypatch.setattr(LocalLauncher, "submit", noted)
    run(spec, address, 4, workers=2, budget=Budget(trials=5), steps=2)

    assert sizes == [3, 2]


def test_baselines_run_first_in_the_packs(spec: StudySpec, address: StorageUrl) -> None:
    """Together with trials, without being trials."""
    none = {"rank": 0, "alpha": 1, "targets": "none"}
    recorder = run(
        spec,
        address,
        3,
        baselines=(Baseline("head only", none),),
        seeds=(0, 1),
        budget=Budget(trials=4),
        steps=2,
    )

    assert [number for _, number in recorder.entries[:3]] == [-1, -2, 0]
    attrs = load_study(address).user_attrs
    assert attrs["baseline:head only/0"]["value"] == attrs["baseline:head only/1"]["value"] == 0.15
    assert len(complete(address)) == 4


@pytest.mark.integration
def test_after_the_seconds_lanes_stay_empty(spec: StudySpec, address: StorageUrl) -> None:
    """Running trials are finished; nothing follows."""
    run(spec, address, 4, budget=Budget(trials=30, seconds=4.0), steps=4, sleep_seconds=6.0)

    assert len(complete(address)) == 4  # which end after the time limit on any machine


def test_one_failure_stops_a_whole_pack_with_that_policy(
    spec: StudySpec, address: StorageUrl
) -> None:
    """The others write a checkpoint, nothing follows, and all are queued again."""
    options = {"fail_on": [{"number": 1}], "steps": 20, "sleep_seconds": 5.0}
    with pytest.raises(SweepError, match="a trial failed, and the policy is to stop"):
        run(spec, address, 3, policy=Policy(on_failure="stop"), **options)
    trials = load_study(address).trials

    kinds = [t.user_attrs["failure"]["kind"] for t in trials if t.state == TrialState.FAIL]
    assert kinds == ["Interrupted", "SyntheticError", "Interrupted"]
    assert [t.state.name for t in trials[3:]] == ["WAITING"] * 2


@pytest.mark.integration
def test_packs_too_large_for_memory_are_halved_and_nothing_is_lost(
    spec: StudySpec, address: StorageUrl, caplog: pytest.LogCaptureFixture
) -> None:
    """Killed with six trials: each of them runs again, alone; then three at a time."""
    recorder = run(spec, address, 6, **POISON, most=3, steps=3, budget=Budget(trials=13))
    trials = trials_of(address)

    assert caplog.text.count("was killed, as the kernel does when memory runs out") == 1
    assert "from now on at most 3 together" in caplog.text
    assert sum(complete(address).values()) == len(complete(address)) == 13
    assert reasons(address) == {"PackDied": 6}
    assert [t.user_attrs.get("retry_of") for t in trials[6:12]] == [0, 1, 2, 3, 4, 5]
    assert recorder.together[6:12] == [1] * 6
    assert recorder.together[12:15] == [1, 2, 3]
    assert max(recorder.together[12:]) == 3
    failure = trials[0].user_attrs["failure"]
    assert failure["reason"] == "interrupted"
    assert "killed by SIGKILL" in failure["message"]
    assert "6 trials were in it" in failure["message"]


@pytest.mark.integration
def test_a_trial_that_kills_its_worker_affects_others_once(
    spec: StudySpec, address: StorageUrl
) -> None:
    """Alone it fails as without packs; all others complete."""
    ranks = {"rank": Choice(1, 2, 4, 8), "alpha": Choice(1, 2), "targets": Choice("query")}
    options = {"poison": 8, "signal": "SIGABRT", "steps": 3}
    run(
        spec,
        address,
        4,
        **POISON,
        space=Space(ranks),
        sampler=Sampler("grid"),
        budget=Budget(trials=8),
        **options,
    )
    trials = trials_of(address)
    dead = [t for t in trials if t.user_attrs.get("failure", {}).get("kind") == "WorkerDied"]
    died_together = [t.params["rank"] for t in trials if _kind(t) == "PackDied"]

    assert len(complete(address)) == 6
    assert sorted((t.params["rank"], t.params["alpha"]) for t in dead) == [(8, 1), (8, 2)]
    assert all(t.user_attrs["failure"]["reason"] == "worker_died" for t in dead)
    assert died_together.count(8) <= 2
    assert len(died_together) <= 8


def _kind(trial: FrozenTrial) -> str | None:
    failure = trial.user_attrs.get("failure")
    return None if failure is None else failure["kind"]


@pytest.mark.integration
def test_a_baseline_in_a_killed_pack_is_still_measured(
    spec: StudySpec, address: StorageUrl
) -> None:
    """Alone, in the same sweep."""
    run(
        spec,
        address,
        4,
        **POISON,
        baselines=(Baseline("head only", {"rank": 0, "alpha": 1, "targets": "none"}),),
        budget=Budget(trials=6),
        most=3,
        steps=3,
    )

    assert load_study(address).user_attrs["baseline:head only/0"]["value"] == 0.15
    assert len(complete(address)) == 6


@pytest.mark.integration
def test_deaths_of_whole_packs_count_as_one_failure_each(
    spec: StudySpec, address: StorageUrl
) -> None:
    """A worker that dies with a pack ends the sweep no sooner than one that dies with one trial."""
    options = {"steps": 3, "signal": "SIGABRT", "budget": Budget(trials=30)}
    run(spec, address, 10, **POISON, most=9, **options)

    # Ten together die repeatedly; each death is one failure, and then ten complete.
    assert len(complete(address)) == 30
    assert reasons(address)["PackDied"] >= 20


@pytest.mark.integration
def test_a_worker_that_always_dies_stops_the_sweep(spec: StudySpec, address: StorageUrl) -> None:
    """The first five failures: one of the pack, four of its trials alone."""
    options = {"steps": 3, "signal": "SIGABRT", "budget": Budget(trials=30)}
    every = {"rank": Choice(8), "alpha": Choice(*range(1, 40)), "targets": Choice("query")}
    with pytest.raises(SweepError, match="the first 5 trials of this run all failed"):
        run(spec, address, 10, **POISON, poison=8, space=Space(every), **options)
    kinds = Counter(_kind(trial) for trial in load_study(address).trials)

    assert kinds["PackDied"] == 10
    assert kinds["WorkerDied"] == 4


def test_trials_of_a_killed_pack_run_alone_for_the_next_driver_too(
    spec: StudySpec, address: StorageUrl
) -> None:
    """This is stored in the study."""
    options = {"steps": 3, "budget": Budget(trials=4)}
    with pytest.raises(SweepError, match="the policy is to stop"):
        run(spec, address, 4, **POISON, most=3, policy=Policy(on_failure="stop"), **options)
    recorder = run(spec, address, 4, **POISON, most=3, **options)

    assert recorder.together == [1] * 4
    assert len(complete(address)) == 4


def test_the_objective_advises_the_pack_size(
    spec: StudySpec, address: StorageUrl, caplog: pytest.LogCaptureFixture
) -> None:
    """It is asked once, and the command line overrides it."""
    caplog.set_level("INFO")
    recorder = run(spec, address, None, **POISON, advised=3, budget=Budget(trials=6), steps=2)
    assert max(recorder.together) == 3
    assert caplog.text.count("workers: 1, trials together in each: 3") == 1

    recorder = run(spec, address, 2, **POISON, advised=3, budget=Budget(trials=9), steps=2)
    assert max(recorder.together) == 2


@pytest.mark.integration
def test_the_command_sets_the_pack_size(tmp_path: Path) -> None:
    """``--pack`` and ``--workers`` of run and resume; they are not stored."""
    (tmp_path / "toy.py").write_text(
        "from sweep import Budget, Choice, Space, StudySpec\n"
        'STUDY = StudySpec("toy", "objectives.synthetic:Synthetic",\n'
        '    Space({"x1": Choice(1, 2, 3), "x2": Choice(1, 2, 3)}), budget=Budget(trials=5))\n'
    )
    made = lorasweep(tmp_path, "run", "toy.py", "--pack", "3", "--workers", "2")
    where = ("--storage", "sqlite:///runs/toy/study.db", "--trials", "7")
    resumed = lorasweep(tmp_path, "resume", *where, "--pack", "auto", "--workers", "auto")

    assert "lorasweep: workers: 2, trials together in each: 3\n" in made.stderr
    assert "5/5 complete" in made.stdout
    assert "lorasweep: workers: 1, trials together in each: 1\n" in resumed.stderr
    assert "7/7 complete" in resumed.stdout
