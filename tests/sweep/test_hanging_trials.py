"""One signal ends a command, even if a trial never returns."""

from __future__ import annotations

import signal
import subprocess
from pathlib import Path

import psutil
import pytest
from command import PROGRAM, lorasweep
from hanging import wait_until_it_hangs, write_study

from sweep.storage.studies import load_study
from sweep.storage.url import StorageUrl

URL = "sqlite:///runs/toy/study.db"
LATE = "did not leave in time after a signal and lost the worker"


def stop(folder: Path, *arguments: str) -> str:
    """Run the command until a trial hangs, and stop it by SIGTERM.

    Returns:
        Its standard error.
    """
    command = [PROGRAM, *arguments]
    process = subprocess.Popen(
        command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    wait_until_it_hangs(folder, process)
    family = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(signal.SIGTERM)
    _, stderr = process.communicate(timeout=120)
    psutil.wait_procs(family, timeout=60)

    assert process.returncode == 128 + signal.SIGTERM, stderr
    assert not [one for one in family if one.is_running()]
    assert "when memory runs out" not in stderr
    assert "Traceback" not in stderr
    return stderr


def trials(folder: Path) -> list[str]:
    """States of the study's trials."""
    study = load_study(StorageUrl.parse(f"sqlite:///{folder}/runs/toy/study.db"))
    return [trial.state.name for trial in study.trials]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the study file in it."""
    write_study(tmp_path)
    return tmp_path


@pytest.mark.integration
def test_a_sweep_whose_trials_hang_is_stopped_after_a_timeout(folder: Path) -> None:
    """Its trials are queued, and run again, with nothing counted twice."""
    (folder / "hang").touch()
    stderr = stop(folder, "run", "toy.py", "--workers", "2")
    study = load_study(StorageUrl.parse(f"sqlite:///{folder}/runs/toy/study.db"))
    reasons = {trial.user_attrs["failure"]["reason"] for trial in study.trials[:2]}

    assert "checkpoint, for which they have 0.5 s; once more to stop at once" in stderr
    assert f"2 trial(s) {LATE}" in stderr
    assert trials(folder) == ["FAIL", "FAIL", "WAITING", "WAITING"]
    assert reasons == {"interrupted"}
    (folder / "hang").unlink()
    again = lorasweep(folder, "run", "toy.py", "--workers", "2")
    assert again.returncode == 0, again.stderr
    assert trials(folder) == ["FAIL", "FAIL", "COMPLETE", "COMPLETE"]


@pytest.mark.slow
def test_a_final_test_that_hangs_is_stopped_after_a_timeout(folder: Path) -> None:
    """The trials are unchanged; the same command repeats the test."""
    (folder / "hang-in-the-final-test").touch()
    command = ("run", "toy.py", "--workers", "2", "--final-test")
    stderr = stop(folder, *command)

    assert f"1 trial(s) {LATE}" in stderr
    assert trials(folder) == ["COMPLETE", "COMPLETE"]
    assert (
        "final_test"
        not in load_study(StorageUrl.parse(f"sqlite:///{folder}/runs/toy/study.db")).user_attrs
    )
    (folder / "hang-in-the-final-test").unlink()
    again = lorasweep(folder, *command)
    assert again.returncode == 0, again.stderr
    study = load_study(StorageUrl.parse(f"sqlite:///{folder}/runs/toy/study.db"))
    assert study.user_attrs["final_test"]["value_again"] == study.best_value


@pytest.mark.slow
def test_a_retraining_that_hangs_is_stopped_after_a_timeout(folder: Path) -> None:
    """The database is unchanged, and no partial adapter is left."""
    assert lorasweep(folder, "run", "toy.py", "--workers", "2").returncode == 0
    before = (folder / "runs/toy/study.db").read_bytes()
    (folder / "hang").touch()
    command = ("adapters", "export", "--storage", URL, "--trial", "best")
    stderr = stop(folder, *command, "--out", "out", "--retrain")

    assert f"1 trial(s) {LATE}" in stderr
    assert (folder / "runs/toy/study.db").read_bytes() == before
    assert not (folder / "out").exists()
