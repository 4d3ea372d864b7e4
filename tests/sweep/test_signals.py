"""Signals that end the command."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from command import PROGRAM

from sweep.errors import StorageError
from sweep.storage.studies import load_study
from sweep.storage.url import StorageUrl

STUDY = """
from sweep import Budget, Choice, Space, StudySpec
STUDY = StudySpec(
    name="toy", objective="objectives.synthetic:Synthetic",
    space=Space({"rank": Choice(1, 2, 4, 8), "alpha": Choice(1, 2, 4), "targets": Choice("query")}),
    settings={"function": "surface", "steps": 1500, "sleep_seconds": 300.0},
    budget=Budget(trials=6),
)
"""


@pytest.fixture(autouse=True)
def default_sighup() -> Iterator[None]:
    """Under nohup SIGHUP is ignored, which child processes would inherit."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a study file in it."""
    (tmp_path / "toy.py").write_text(STUDY)
    return tmp_path


def start(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    """Run the installed command in ``folder``, two trials at a time."""
    command = [PROGRAM, *arguments, "--workers", "2"]
    return subprocess.Popen(
        command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def running(folder: Path, process: subprocess.Popen[str], *, reported: bool = True) -> None:
    """Wait until two trials have started, or have reported."""
    address = StorageUrl.parse(f"sqlite:///{folder}/runs/toy/study.db")
    while process.poll() is None:
        try:
            trials = load_study(address).trials
        except StorageError:
            trials = []
        if sum(bool(trial.intermediate_values) or not reported for trial in trials) >= 2:
            return
        time.sleep(0.05)
    pytest.fail("the sweep ended by itself")


@pytest.mark.parametrize(
    "name",
    [
        "SIGTERM",
        *(
            pytest.param(name, marks=pytest.mark.integration)
            for name in ("SIGINT", "SIGHUP", "SIGUSR1", "SIGUSR2")
        ),
    ],
)
def test_a_first_signal_ends_the_sweep_cleanly(folder: Path, name: str) -> None:
    """Trials checkpoint and stop; exit code 128 + n; the resume command is printed."""
    number = getattr(signal, name)
    process = start(folder, "run", "toy.py")
    running(folder, process)
    workers = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(number)
    _, stderr = process.communicate(timeout=120)
    trials = load_study(StorageUrl.parse(f"sqlite:///{folder}/runs/toy/study.db")).trials

    assert process.returncode == 128 + number
    assert "once more to stop at once" in stderr
    assert "to go on: lorasweep resume --storage sqlite:///runs/toy/study.db --name toy" in stderr
    assert f"stopped by {name}" in stderr
    assert [trial.state.name for trial in trials] == ["FAIL", "FAIL", "WAITING", "WAITING"]
    assert all(
        "left when asked to, after step" in t.user_attrs["failure"]["message"] for t in trials[:2]
    )
    assert len(list(folder.glob("runs/toy/study.db.files/toy/*/steps.txt"))) == 2
    psutil.wait_procs(workers, timeout=60)
    assert not [worker for worker in workers if worker.is_running()]


@pytest.mark.integration
def test_ctrl_c_reaches_the_whole_process_group(folder: Path) -> None:
    """Workers checkpoint before they end."""
    command = [PROGRAM, "run", "toy.py", "--workers", "2"]
    process = subprocess.Popen(
        command, cwd=folder, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    running(folder, process)
    os.killpg(process.pid, signal.SIGINT)
    _, stderr = process.communicate(timeout=120)
    trials = load_study(StorageUrl.parse(f"sqlite:///{folder}/runs/toy/study.db")).trials

    assert process.returncode == 130, stderr
    assert [t.user_attrs["failure"]["kind"] for t in trials[:2]] == ["Interrupted"] * 2


@pytest.mark.integration
def test_a_second_signal_stops_at_once(folder: Path) -> None:
    """Any signal; interrupted trials are recovered by the next run."""
    slow = STUDY.replace('"steps": 1500', '"steps": 2')
    (folder / "toy.py").write_text(slow)
    process = start(folder, "run", "toy.py")
    address = StorageUrl.parse(f"sqlite:///{folder}/runs/toy/study.db")
    running(folder, process, reported=False)
    process.send_signal(signal.SIGINT)
    assert process.stderr is not None
    while "once more to stop at once" not in process.stderr.readline():
        assert process.poll() is None  # the current step takes 150 s
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=120)
    address = StorageUrl.parse(f"sqlite:///{folder}/runs/toy/study.db")

    assert process.returncode == -signal.SIGTERM
    assert {trial.state.name for trial in load_study(address).trials} == {"RUNNING"}
    (folder / "toy.py").write_text(STUDY.replace("300.0", "0.0").replace("1500", "2"))
    assert "must go on as it was made" in start(folder, "run", "toy.py").communicate(timeout=120)[1]


def test_a_signal_while_inputs_are_read_ends_it_too(folder: Path) -> None:
    """There is nothing to resume yet, and no command is printed."""
    process = start(folder, "run", "toy.py")
    time.sleep(0.45)
    process.send_signal(signal.SIGTERM)
    _, stderr = process.communicate(timeout=120)

    assert process.returncode in (143, -signal.SIGTERM)
    assert "Traceback" not in stderr
