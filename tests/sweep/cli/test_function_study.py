"""A study file whose objective is a function: run, killed, resumed, read."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time
from pathlib import Path

import pytest
from command import PATIENCE_SECONDS, PROGRAM, lorasweep

STUDY = """
from pathlib import Path
from sweep import Budget, Choice, Claim, FunctionObjective, Metric, Space, StudySpec

def accuracy(params, report):
    for step in range(1, 4):
        score = params["scale"] * (params["depth"] + 0.1 * params["width"]) * (1 - 0.5**step)
        report(step, score, loss=1 / step)
        stop = Path(__file__).with_name("stop")
        if step == 2 and params["depth"] == 3 and stop.exists():
            stop.with_name("waiting").touch()
            while True:
                pass
    return {"value": score, "loss": 0.25}

STUDY = StudySpec(
    name="own",
    objective=FunctionObjective(accuracy, Metric("top_one", "top-1 accuracy", "%")),
    space=Space({"depth": Choice(1, 2, 3), "width": Choice(1, 2)}),
    settings={"scale": 8},
    budget=Budget(trials=6),
    claims=(Claim("depth", ("width",), ()),),
)
"""
NAMED = ("--storage", "sqlite:///runs/own/study.db")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the study file."""
    (tmp_path / "own.py").write_text(STUDY)
    return tmp_path


def read(folder: Path, verb: str, *more: str) -> dict[str, object]:
    """The JSON document of a verb."""
    done = lorasweep(folder, verb, *more, "--json")
    assert done.returncode == 0, done.stderr
    tree: dict[str, object] = json.loads(done.stdout)
    return tree


def values(tree: dict[str, object]) -> dict[tuple[int, int], float]:
    """Value by parameters, of complete trials."""
    trials: list[dict[str, dict[str, int]]] = tree["trials"]  # type: ignore[assignment]
    return {
        (trial["params"]["depth"], trial["params"]["width"]): trial["value"]  # type: ignore[misc]
        for trial in trials
        if trial["state"] == "COMPLETE"
    }


EXPECTED = {
    (depth, width): 8 * (depth + 0.1 * width) * 0.875 for depth in (1, 2, 3) for width in (1, 2)
}


@pytest.mark.integration
def test_a_function_s_study_is_run_read_and_reported_under_its_metric_s_name(folder: Path) -> None:
    """By check, run, resume, status, importance and report."""
    checked = read(folder, "check", "own.py")
    ran = read(folder, "run", "own.py")
    again = lorasweep(folder, "resume", *NAMED)
    status = lorasweep(folder, "status", *NAMED)
    judged = lorasweep(folder, "importance", *NAMED, "--quick")
    report = lorasweep(folder, "report", *NAMED, "--quick", "--out", "out")
    tree = json.loads((folder / "out" / "report.json").read_text("utf-8"))
    page = re.sub("<[^>]*>", "", (folder / "out" / "report.html").read_text("utf-8"))

    assert (checked["function"], checked["value"]) == ("accuracy", "top-1 accuracy")
    assert values(ran) == pytest.approx(EXPECTED)
    assert "nothing to do: 6 trials are complete" in again.stderr
    assert "objective  own:accuracy (maximize)" in status.stdout
    assert "top-1 accuracy 22.4000 %  loss 0.2500" in status.stdout
    assert "value      top-1 accuracy (%), maximized" in judged.stdout
    assert report.returncode == 0, report.stderr
    assert tree["study"]["value_name"] == "top-1 accuracy"
    assert tree["fixed"] == {"scale": 8}
    assert "The highest top-1 accuracy is wanted." in page


@pytest.mark.integration
def test_a_killed_function_s_study_goes_on_to_the_same_results(folder: Path) -> None:
    """The trial under way is run again; a changed source is told."""
    (folder / "stop").touch()
    command = [PROGRAM, "run", "own.py", "--workers", "1"]
    with subprocess.Popen(
        command, cwd=folder, stderr=subprocess.DEVNULL, start_new_session=True
    ) as process:
        try:
            deadline = time.monotonic() + PATIENCE_SECONDS
            while not (folder / "waiting").exists():
                assert process.poll() is None
                assert time.monotonic() < deadline
                time.sleep(0.05)
        finally:
            os.killpg(process.pid, signal.SIGKILL)
    (folder / "stop").unlink()
    (folder / "own.py").write_text(STUDY.replace("while True:", "while True:  # for ever"))
    done = lorasweep(folder, "run", "own.py", "--workers", "1")
    trials = read(folder, "status", *NAMED)

    assert done.returncode == 0, done.stderr
    assert "source of accuracy: " in done.stderr
    assert values(trials) == pytest.approx(EXPECTED)
    counts: dict[str, int] = trials["counts"]  # type: ignore[assignment]
    assert (counts["COMPLETE"], counts["FAIL"]) == (6, 1)


def test_a_function_of_a_study_file_that_workers_cannot_import_is_refused(folder: Path) -> None:
    """When the file is read, with its line."""
    (folder / "own.py").write_text(
        STUDY.replace("FunctionObjective(accuracy", "FunctionObjective(lambda *_: 1.0")
    )
    done = lorasweep(folder, "run", "own.py")

    assert done.returncode == 2
    assert "objective must be a function at the top level of a module" in done.stderr
    assert not (folder / "runs").exists()
