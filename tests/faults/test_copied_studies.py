"""A database copied during real fine-tunes: the original and its copies can be resumed."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from command import PROGRAM, lorasweep
from faults.fine_tunes import TRIALS, Database, Measured, study

FLAGS = ("--workers", "1", "--trust-study")  # a study is trusted at one location of its database
COPY = "mkdir copied; cp study.db copied/; cp study.db-wal copied/"
BY_COMMAND = f"{PROGRAM} copy sqlite:///study.db sqlite:///by_command.db"
END = "kill -TERM $(ps -o ppid= -p $PPID)"
"""The driver is the parent of the worker that runs this command; SIGTERM ends it cleanly."""


@pytest.fixture
def begin(
    small_inputs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Path]:
    """Starts a study by the command; in the middle of the third trial it is copied and stopped."""

    def make(command: str, *arguments: str) -> Path:
        folder = Path(shutil.copytree(small_inputs, tmp_path / "home"))
        spec = json.dumps(study(folder, f"{command}; {END}").to_json())
        (folder / "small.py").write_text(
            "import json\nfrom sweep import StudySpec\n"
            f"STUDY = StudySpec.from_json(json.loads({spec!r}))\n"
        )
        tests = Path(__file__).parents[1]
        monkeypatch.setenv("PYTHONPATH", f"{tests.parent}{os.pathsep}{tests}")
        storage = ("--storage", "sqlite:///study.db")
        done = lorasweep(folder, "run", "small.py", *storage, "--workers", "1", *arguments)
        assert done.returncode == 143, done.stderr
        return folder

    return make


def resume(database: Database, *arguments: str) -> str:
    """Resume a study to its end; returns the error message if it is refused."""
    folder = database.path.parent
    url = f"sqlite:///{database.path}"
    done = lorasweep(folder, "resume", "--storage", url, *FLAGS, *arguments)
    assert done.returncode in (0, 1), done.stderr
    assert "Traceback" not in done.stderr
    return done.stderr if done.returncode else ""


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_study_and_its_copies_resume_independently(
    begin: Callable[..., Path], undisturbed: Measured
) -> None:
    """Copied by ``cp`` and by ``lorasweep copy``; each has its own files and complete results."""
    folder = begin(f"{COPY}; {BY_COMMAND}")
    first, copied, by_command = (
        Database(folder / name) for name in ("study.db", "copied/study.db", "by_command.db")
    )
    for database in (copied, first, by_command):
        assert not resume(database)

    for database in (first, copied, by_command):
        assert database.measured() == undisturbed
    assert len(first.adapters()) == TRIALS
    # Two had been trained.
    assert len(copied.adapters()) == len(by_command.adapters()) == TRIALS - 2


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_copy_is_refused_the_files_of_its_original(
    begin: Callable[..., Path], undisturbed: Measured
) -> None:
    """Until it is given other folders; both have the results of a run without faults."""
    folder = begin(COPY, "--files", "shared")
    shared, others = str(folder / "shared"), str(folder / "others")
    first = Database(folder / "study.db", shared)
    copied = Database(folder / "copied/study.db", others)

    for arguments in ((), ("--files", shared)):
        error = resume(copied, *arguments)
        assert "--files must be a folder that no other copy of the study uses" in error
    assert not resume(copied, "--files", others)
    assert not resume(first)

    for database in (first, copied):
        assert database.measured() == undisturbed
    assert len(first.adapters()) == TRIALS
    assert len(copied.adapters()) == TRIALS - 2
