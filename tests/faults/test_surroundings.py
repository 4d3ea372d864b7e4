"""A sweep with few resources, or while the clock is set: correct, or one message."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from command import PROGRAM
from faults.campaign import STEPS, TESTS, make_spec

STORAGE = ("--storage", "sqlite:///study.db")
TRIALS = 6
PATIENCE = 250


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A study of six trials with a user-written objective."""
    spec = make_spec(TRIALS, seconds=0.0).with_changes(inputs={"log": str(tmp_path / "steps.log")})
    (tmp_path / "study_file.py").write_text(
        "import json\nfrom sweep import StudySpec\n"
        f"STUDY = StudySpec.from_json(json.loads({json.dumps(spec.to_json())!r}))\n"
    )
    return tmp_path


def shell(
    script: str, folder: Path, environment: Mapping[str, str | None]
) -> subprocess.CompletedProcess[str]:
    """Run a line of bash in which ``$L`` is the command, with changed environment variables."""
    given = {**os.environ, "L": PROGRAM, "PYTHONPATH": f"{TESTS.parent}{os.pathsep}{TESTS}"}
    given |= {name: value for name, value in environment.items() if value is not None}
    for name, value in environment.items():
        if value is None:
            given.pop(name, None)
    return subprocess.run(
        ["bash", "-c", script],
        cwd=folder,
        env=given,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


def check_complete(folder: Path) -> dict[str, Any]:
    """Every trial exists and was computed exactly once; returns the study's status."""
    done = shell(f"$L status --json {' '.join(STORAGE)}", folder, {})
    assert done.returncode == 0, done.stderr
    report: dict[str, Any] = json.loads(done.stdout)
    assert report["counts"]["COMPLETE"] == TRIALS
    assert report["counts"]["RUNNING"] == report["counts"]["WAITING"] == 0
    assert all(entry["interrupted"] for entry in report["failed"])
    assert len((folder / "steps.log").read_text().splitlines()) == TRIALS * STEPS
    assert all((trial["seconds"] or 0) >= 0 for trial in report["trials"])
    return report


RUN = f"$L run study_file.py {' '.join(STORAGE)}"
FULL_SHM = f"mount -t tmpfs -o size=4k none /dev/shm && head -c 4096 /dev/zero > /dev/shm/x; {RUN}"
ALONE = "unshare --mount --propagation private bash -c"

SCARCE: Mapping[str, tuple[str, dict[str, str | None]]] = {
    "64 open files": (f"ulimit -n 64; {RUN}", {}),
    "a full /dev/shm": (f"{ALONE} '{FULL_SHM}'", {}),
    "no TMPDIR": (RUN, {"TMPDIR": None}),
    "a TMPDIR that is not there": (RUN, {"TMPDIR": "/dev/null/x"}),
    "no HOME": (RUN, {"HOME": None}),
    "a HOME that cannot be written": (RUN, {"HOME": "/dev/null", "XDG_STATE_HOME": None}),
}

QUICK = ("64 open files", "a HOME that cannot be written")
"""The first case of each kind."""


@pytest.mark.parametrize(
    "case",
    [pytest.param(case, marks=() if case in QUICK else pytest.mark.slow) for case in SCARCE],
)
def test_a_sweep_runs_with_few_resources(case: str, folder: Path) -> None:
    """No trial is lost; without a home directory a message says what is not saved."""
    script, environment = SCARCE[case]
    if (
        "unshare" in script
        and shell(f"{ALONE} 'mount -t tmpfs none /dev/shm'", folder, {}).returncode
    ):
        pytest.skip("mounting is not allowed here")
    done = shell(script, folder, environment)

    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    assert ("cannot remember" in done.stderr) is (environment.get("HOME") == "/dev/null")
    check_complete(folder)


@pytest.mark.slow
def test_too_few_open_files_are_one_message(folder: Path) -> None:
    """With a higher limit the study runs."""
    done = shell(f"ulimit -n 14; {RUN}", folder, {})

    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr
    assert "Too many open files" in done.stderr
    assert shell(RUN, folder, {}).returncode == 0
    check_complete(folder)


CLOCKED = """
import os
import threading
import time
from pathlib import Path
from faults.worked import Worked

time.sleep = threading.Event().wait  # libfaketime has Python's own fail

class Clocked(Worked):
    def _trace(self, params, step):
        super()._trace(params, step)
        if len(Path(self._log).read_text().splitlines()) == 9:  # in the midst of the third trial
            new = Path("clock.new")
            new.write_text(os.environ["STEP"])
            new.replace("clock")
"""


@pytest.mark.slow
@pytest.mark.parametrize("step", ["-2h", "+1d"])
def test_a_changed_clock_changes_no_result(step: str, folder: Path) -> None:
    """From the third trial on, all processes of the sweep read another time."""
    library = next(iter(Path("/usr/lib").glob("*/faketime/libfaketime.so.1")), None)
    if library is None:
        pytest.skip("libfaketime is not installed (Debian: faketime)")
    (folder / "clock").write_text("+0")
    (folder / "clocked.py").write_text(CLOCKED)
    study = folder / "study_file.py"
    study.write_text(study.read_text().replace("faults.worked:Worked", "clocked:Clocked"))
    environment = {
        "LD_PRELOAD": str(library),
        "FAKETIME_TIMESTAMP_FILE": str(folder / "clock"),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "STEP": step,
    }
    done = shell(f"{RUN} --workers 1", folder, environment)

    assert done.returncode == 0, done.stderr
    assert (folder / "clock").read_text() == step
    assert check_complete(folder)["owner"] is None
    read = shell(f"$L report --quick --out page {' '.join(STORAGE)}", folder, {})
    assert read.returncode == 0, read.stderr
