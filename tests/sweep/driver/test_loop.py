import itertools
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field, replace
from pathlib import Path

import psutil
import pytest
from optuna.trial import TrialState

from sweep import Baseline, Budget, Choice, Space, StudySpec
from sweep.driver.run_study import Options, run_study
from sweep.errors import SpecError, StorageError, SweepError
from sweep.storage.studies import load_study
from sweep.storage.url import StorageUrl
from sweep.study.spec import Policy


@dataclass
class Recorder:
    """A listener that records its calls."""

    started_: list[int] = field(default_factory=list)
    finished_: list[tuple[int, str, float | None]] = field(default_factory=list)

    def started(self, number: int, label: str) -> None:
        """Record the start of a trial."""
        assert label
        self.started_.append(number)

    def reported(self, number: int, step: int, value: float) -> None:
        """Check that a report is of a running trial."""
        assert number in self.started_
        assert step >= 0
        assert isinstance(value, float)

    def finished(
        self, state: str, number: int, value: float | None, reason: str | None, seconds: float
    ) -> None:
        """Record the end of a trial."""
        assert (reason is None) is (state not in ("FAIL", "INTERRUPTED"))
        assert seconds >= 0
        self.finished_.append((number, state, value))


def states(address: StorageUrl) -> list[str]:
    """The states of all trials, in order of number."""
    return [trial.state.name for trial in load_study(address).trials]


def test_a_sweep_runs_to_its_budget_and_then_reports_it(
    address: StorageUrl, spec: StudySpec
) -> None:
    """Budget reached, every configuration distinct; a second run starts nothing."""
    spec = replace(spec, budget=Budget(trials=8))
    recorder = Recorder()
    study = run_study(spec, address, recorder, Options(workers=2))

    assert states(address) == ["COMPLETE"] * 8
    assert len({tuple(trial.params.items()) for trial in study.trials}) == 8
    assert sorted(number for number, _, _ in recorder.finished_) == list(range(8))
    assert study.user_attrs["owner"] is None

    again = Recorder()
    run_study(spec, address, again, Options(workers=1))
    assert again.started_ == []


def test_more_trials_continue_the_same_study(address: StorageUrl, spec: StudySpec) -> None:
    """The number is the total of COMPLETE trials."""
    run_study(replace(spec, budget=Budget(trials=3)), address, Recorder(), Options(workers=1))
    run_study(replace(spec, budget=Budget(trials=5)), address, Recorder(), Options(workers=1))

    assert states(address) == ["COMPLETE"] * 5


def test_the_baseline_runs_automatically(address: StorageUrl, spec: StudySpec) -> None:
    """Once; it is no trial of the study."""
    spec = replace(
        spec,
        baselines=(Baseline("head only", {"rank": 0, "alpha": 1, "targets": "none"}),),
        budget=Budget(trials=2),
    )
    run_study(spec, address, Recorder(), Options(workers=1))
    recorder = Recorder()
    study = run_study(replace(spec, budget=Budget(trials=3)), address, recorder, Options(workers=1))

    assert study.user_attrs["baseline:head only/0"]["value"] == 0.15
    assert min(recorder.started_) == 2


def test_a_small_space_ends_before_its_budget(address: StorageUrl, spec: StudySpec) -> None:
    """Three ranks, budget ten: three trials, no repetition."""
    small = {"rank": Choice(1, 2, 4), "alpha": Choice(1), "targets": spec.space["targets"]}
    small["targets"] = type(small["targets"])("qkv")
    spec = replace(spec, space=Space(small), budget=Budget(trials=10))
    run_study(spec, address, Recorder(), Options(workers=2))

    assert states(address) == ["COMPLETE"] * 3


@pytest.mark.integration
def test_a_sweep_continues_after_failed_trials(address: StorageUrl, spec: StudySpec) -> None:
    """Every rank-8 trial raises; the others complete; the budget is reached."""
    spec = replace(
        spec,
        settings={**spec.settings, "fail_on": [{"rank": 8}]},
        budget=Budget(trials=20),
    )
    run_study(spec, address, Recorder(), Options(workers=1))
    trials = load_study(address).trials

    assert states(address).count("COMPLETE") == 20
    failed = [trial for trial in trials if trial.state == TrialState.FAIL]
    assert failed
    assert all(trial.params["rank"] == 8 for trial in failed)
    assert all(trial.user_attrs["failure"]["kind"] == "SyntheticError" for trial in failed)
    assert "Traceback" in failed[0].user_attrs["failure"]["traceback"]


def test_a_nan_value_is_a_failed_trial(address: StorageUrl, spec: StudySpec) -> None:
    """Optuna would raise in the driver and end the sweep."""
    spec = replace(
        spec, settings={**spec.settings, "nan_on": [{"rank": 8}]}, budget=Budget(trials=12)
    )
    run_study(spec, address, Recorder(), Options(workers=1))
    failed = [t for t in load_study(address).trials if t.state == TrialState.FAIL]

    assert states(address).count("COMPLETE") == 12
    assert {t.user_attrs["failure"]["reason"] for t in failed} == {"nan"}
    assert {t.params["rank"] for t in failed} == {8}


def test_a_sweep_in_which_everything_fails_stops_with_the_reason(
    address: StorageUrl, spec: StudySpec
) -> None:
    """After a few trials, not after hours."""
    spec = replace(spec, settings={**spec.settings, "fail_on": [{"replicate": 0}]})
    with pytest.raises(
        SweepError, match="the first 5 trials of this run all failed, the last with: exception"
    ):
        run_study(spec, address, Recorder(), Options(workers=1))

    assert states(address) == ["FAIL"] * 5


def test_bad_settings_stop_before_a_study_is_created(address: StorageUrl, spec: StudySpec) -> None:
    """All faults, raised in the driver, without a database."""
    with pytest.raises(SpecError, match="no_such_setting"):
        run_study(
            replace(spec, settings={"no_such_setting": 1}), address, Recorder(), Options(workers=1)
        )

    assert not address.path.exists()


def driver(
    address: StorageUrl, trials: int, seconds_per_trial: float = 0.4
) -> subprocess.Popen[bytes]:
    """A sweep in a separate process, to be killed."""
    code = f"""
from dataclasses import replace
from sweep import Budget, Choice, Space, StudySpec, TargetSets
from sweep.driver.run_study import Options, run_study
from sweep.terminal.progress import Progress
from sweep.storage.url import StorageUrl
spec = StudySpec(
    name="small", objective="objectives.synthetic:Synthetic",
    space=Space({{"rank": Choice(1, 2, 4, 8), "alpha": Choice(1, 2, 4),
                  "targets": TargetSets("qkv", "query+value", "all-linear")}}),
    settings={{"function": "surface", "sleep_seconds": {seconds_per_trial}}},
    budget=Budget(trials={trials}))
if __name__ == "__main__":
    with Progress(spec.budget.trials, 0) as watcher:
        run_study(spec, StorageUrl.parse({address.url!r}), watcher, Options(workers=2))
"""
    path = address.path.parent / "driver.py"
    path.write_text(code)
    return subprocess.Popen([sys.executable, str(path)], stderr=subprocess.DEVNULL)


def wait_for(address: StorageUrl, state: str, n: int) -> None:
    """Wait until the database has ``n`` trials in a state."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        try:
            if states(address).count(state) >= n:
                return
        except StorageError:
            pass  # no database yet
        time.sleep(0.1)
    pytest.fail("the sweep made no progress")


@pytest.mark.integration
def test_a_killed_sweep_resumes_without_loss_or_repeat(address: StorageUrl) -> None:
    """SIGKILL half-way; then until N are COMPLETE: none lost, none twice, workers ended."""
    process = driver(address, trials=12)
    wait_for(address, "COMPLETE", 4)
    workers = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(signal.SIGKILL)
    process.wait()
    psutil.wait_procs(workers, timeout=10)
    assert not [worker for worker in workers if worker.is_running()]
    before = {t.number: t.value for t in load_study(address).trials if t.state.name == "COMPLETE"}

    again = driver(address, trials=12, seconds_per_trial=0.4)
    assert again.wait(timeout=90) == 0
    trials = load_study(address).trials
    complete = [trial for trial in trials if trial.state == TrialState.COMPLETE]

    assert len(complete) == 12
    assert before == {t.number: t.value for t in complete if t.number in before}
    assert len({tuple(trial.params.items()) for trial in complete}) == 12
    assert not [t for t in trials if t.state in (TrialState.RUNNING, TrialState.WAITING)]
    interrupted = [t for t in trials if t.user_attrs.get("failure", {}).get("reason")]
    assert {t.user_attrs["failure"]["reason"] for t in interrupted} <= {"interrupted"}


@pytest.mark.integration
def test_a_worker_that_dies_fails_only_its_trial(address: StorageUrl) -> None:
    """As when killed by the kernel: the failure names the signal, the sweep continues."""
    process = driver(address, trials=2, seconds_per_trial=8)
    # Trials are RUNNING before they are sent; the second worker is started for one.
    victims: list[psutil.Process] = []
    while len(victims) < 2:
        time.sleep(0.05)
        workers = psutil.Process(process.pid).children()
        victims = [w for w in workers if "spawn_main" in " ".join(w.cmdline())]
    os.kill(victims[0].pid, signal.SIGKILL)
    assert process.wait(timeout=90) == 0

    assert states(address).count("COMPLETE") == 2
    reasons = [
        t.user_attrs["failure"]["message"]
        for t in load_study(address).trials
        if t.state == TrialState.FAIL
    ]
    assert all("killed by SIGKILL" in reason for reason in reasons)
    assert len(reasons) == 1


def test_a_step_of_the_system_clock_does_not_affect_the_budget(
    address: StorageUrl, spec: StudySpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A day forward and back again at each reading; the budget has a minute."""
    spec = replace(spec, budget=Budget(trials=6, seconds=60.0))
    true, looks = time.time, itertools.count()
    monkeypatch.setattr(time, "time", lambda: true() + (86_400 if next(looks) % 2 else -86_400))
    run_study(spec, address, Recorder(), Options(workers=1))
    run_study(replace(spec, budget=Budget(trials=8)), address, Recorder(), Options(workers=1))

    assert states(address) == ["COMPLETE"] * 8


def test_a_budget_of_seconds_starts_nothing_afterwards(
    address: StorageUrl, spec: StudySpec
) -> None:
    """Running trials are finished."""
    slow = replace(
        spec,
        settings={**spec.settings, "sleep_seconds": 0.5},
        budget=Budget(trials=50, seconds=1.2),
    )
    run_study(slow, address, Recorder(), Options(workers=1))

    assert 1 <= len(states(address)) <= 4
    assert set(states(address)) == {"COMPLETE"}


def test_one_failure_stops_a_sweep_with_that_policy(address: StorageUrl, spec: StudySpec) -> None:
    """Trials running beside it write a checkpoint, to be run again."""
    spec = replace(
        spec,
        settings={**spec.settings, "fail_on": [{"number": 1}], "steps": 20, "sleep_seconds": 5.0},
        policy=Policy(on_failure="stop"),
    )
    with pytest.raises(SweepError, match="a trial failed, and the policy is to stop"):
        run_study(spec, address, Recorder(), Options(workers=2))
    trials = load_study(address).trials

    assert sorted(states(address)) == ["FAIL", "FAIL", "WAITING"]
    assert {t.user_attrs["failure"]["reason"] for t in trials[:2]} == {"exception", "interrupted"}


def test_a_failed_trial_is_retried_as_often_as_requested(
    address: StorageUrl, spec: StudySpec
) -> None:
    """The third attempt has another number, which the condition does not match."""
    spec = replace(
        spec,
        settings={**spec.settings, "fail_on": [{"number": 0}, {"number": 1}]},
        policy=Policy(on_failure="retry(2)"),
        budget=Budget(trials=2),
    )
    run_study(spec, address, Recorder(), Options(workers=1))
    trials = load_study(address).trials

    assert states(address) == ["FAIL", "FAIL", "COMPLETE", "COMPLETE"]
    assert trials[0].params == trials[1].params == trials[2].params
    assert [t.user_attrs.get("retry_of") for t in trials] == [None, 0, 1, None]


def test_a_resume_finds_another_files_folder(
    address: StorageUrl, spec: StudySpec, tmp_path: Path
) -> None:
    """From the database alone."""
    spec = replace(spec, settings={**spec.settings, "steps": 2}, budget=Budget(trials=1))
    study = run_study(spec, address, Recorder(), Options(workers=1, files=str(tmp_path / "there")))

    assert study.user_attrs["files"] == str(tmp_path / "there")
    assert (tmp_path / "there").is_dir()
    assert not (tmp_path / "study.db.files").exists()
