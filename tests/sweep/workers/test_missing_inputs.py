"""Inputs that disappear during trials, and come back."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Any

import pytest

from sweep import Budget, Choice, Space, StudySpec
from sweep.cli import main
from sweep.driver.listener import NullListener
from sweep.driver.run_study import Options, run_study
from sweep.errors import SweepError
from sweep.storage.studies import load_study
from sweep.storage.url import StorageUrl
from sweep.study.trial import INPUT_AWAY, Failure
from sweep.workers.worker import Inputs


def failed(error: Exception, reason: str = "exception") -> Failure:
    """A failure as an objective returns it."""
    return Failure.from_exception(error, reason)


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (
            FileNotFoundError(errno.ENOENT, "No such file or directory", "{data}/train.csv"),
            "interrupted",
        ),
        (PermissionError(errno.EACCES, "Permission denied", "{data}"), "interrupted"),
        (
            OSError("Error no file named model.safetensors found in directory {data}."),
            "interrupted",
        ),
        (OSError(errno.EIO, "Input/output error"), "interrupted"),
        (OSError(errno.ESTALE, "Stale file handle", "/elsewhere"), "interrupted"),
        (OSError(errno.ENOSPC, "No space left on device", "/tmp/x"), "interrupted"),  # noqa: S108 - a text
        (ConnectionResetError(errno.ECONNRESET, "Connection reset by peer"), "interrupted"),
        (FileNotFoundError(errno.ENOENT, "No such file or directory", "rank-8.json"), "exception"),
        (FileNotFoundError(errno.ENOENT, "No such file", "{data}-of-another/x"), "exception"),
        (ValueError("the value 3 of {data} is odd"), "exception"),
        (MemoryError("no room"), "exception"),
    ],
    ids=lambda value: repr(value)[:60],
)
def test_an_error_of_the_machine_or_of_an_input_is_no_failure_of_the_trial(
    error: Exception, reason: str, tmp_path: Path
) -> None:
    """System errors of disk, network and limits; and any error that names an input."""
    parts = [part.format(data=tmp_path) if isinstance(part, str) else part for part in error.args]
    name = getattr(error, "filename", None)
    parts += [name.format(data=tmp_path)] if name else []
    judged = Inputs({"data": str(tmp_path), "base": ""}).judged(failed(type(error)(*parts)))

    assert judged.reason == reason
    assert (judged.kind == INPUT_AWAY) == (reason == "interrupted")


def test_any_failure_while_an_input_is_missing_is_attributed_to_it(tmp_path: Path) -> None:
    """A library may raise anything for a missing folder; but not out of memory."""
    folder = tmp_path / "base"
    folder.mkdir()
    inputs = Inputs({"base": str(folder), "hub": "facebook/esm2_t6_8M_UR50D"})
    error = ValueError("Repo id must be in the form 'namespace/name'")
    assert not inputs.judged(failed(error)).interrupted
    folder.rmdir()

    assert inputs.judged(failed(error)).kind == INPUT_AWAY
    assert not inputs.judged(failed(error, "out_of_memory")).interrupted


def study(folder: Path, **changes: Any) -> StudySpec:
    """Eight configurations, each of which reads a file; the third moves it away."""
    fields: dict[str, Any] = {
        "name": "toy",
        "objective": "leaving:Leaving",
        "space": Space({"x": Choice(*range(8))}),
        "inputs": {"data": str(folder)},
        "budget": Budget(trials=8),
        **changes,
    }
    return StudySpec(**fields)


def test_a_temporarily_missing_input_costs_no_configuration(tmp_path: Path) -> None:
    """The sweep ends with the first trial that fails for it, and a resume completes all."""
    data = tmp_path / "data"
    data.mkdir()
    (data / "value").write_text("0.5")
    (tmp_path / "take").touch()
    address = StorageUrl.parse(f"sqlite:///{tmp_path}/study.db")
    with pytest.raises(
        SweepError, match="what the trials read is away or was changed: FileNotFoundError"
    ):
        run_study(study(data), address, NullListener())
    with pytest.raises(SweepError, match="cannot read what it needs"):
        run_study(study(data), address, NullListener())
    (tmp_path / "taken").rename(data)
    ran = run_study(study(data), address, NullListener())

    complete = [trial for trial in ran.get_trials() if trial.state.name == "COMPLETE"]
    assert sorted(trial.params["x"] for trial in complete) == list(range(8))
    [lost] = [trial for trial in ran.get_trials() if trial.state.name == "FAIL"]
    assert lost.user_attrs["failure"]["kind"] == INPUT_AWAY


def test_a_worker_killed_for_a_truncated_file_costs_no_configuration(tmp_path: Path) -> None:
    """SIGBUS is caused by a memory-mapped file, not by the trial."""
    address = StorageUrl.parse(f"sqlite:///{tmp_path}/study.db")
    spec = study(
        tmp_path,
        objective="faults.deadly:Deadly",
        space=Space({"rank": Choice(1, 2, 4), "alpha": Choice(1), "targets": Choice("query")}),
        settings={"function": "surface", "steps": 2, "poison": 2, "signal": "SIGBUS"},
        inputs={},
        budget=Budget(trials=3),
    )
    with pytest.raises(SweepError, match=r"away or was changed: a worker was killed by SIGBUS"):
        run_study(spec, address, NullListener(), Options(workers=1))

    trials = load_study(address).trials
    [lost] = [trial for trial in trials if trial.state.name == "FAIL"]
    assert (lost.params["rank"], lost.user_attrs["failure"]["kind"]) == (2, INPUT_AWAY)
    again = [trial for trial in trials if trial.state.name == "WAITING"]
    assert any(trial.user_attrs.get("retry_of") == lost.number for trial in again)


STUDY = """\
from sweep import Budget, Choice, Space, StudySpec

STUDY = StudySpec(
    name="toy",
    objective="objectives.synthetic:Synthetic",
    space=Space({"x1": Choice(1, 2, 3, 4), "x2": Choice(1, 2)}),
    settings={"fail_on": [{"x1": n} for n in FAILING]},
    budget=Budget(trials=8),
)
"""


@pytest.mark.parametrize(
    ("failing", "complete"),
    [((2, 3, 4), 2), pytest.param((1, 2), 4, marks=pytest.mark.integration)],
)
def test_a_run_without_complete_trials_because_of_failures_exits_nonzero(
    failing: tuple[int, ...], complete: int, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """It prints how to run them again; then that works."""
    (tmp_path / "study.py").write_text(STUDY.replace("FAILING", repr(failing)))
    url = f"sqlite:///{tmp_path}/study.db"
    typed = ["run", str(tmp_path / "study.py"), "--storage", url, "--workers", "1"]
    for _ in range(3):  # it may stop after the first five failures
        code = main(typed)
    message = capfd.readouterr().err

    assert code == 1
    assert f"no trial was completed: {complete} of 8 are, and {8 - complete} failed" in message
    assert main(["resume", "--storage", url, "--on-failure", "retry(1)"]) == 1
    tried = load_study(StorageUrl.parse(url), "toy").get_trials()
    assert sum("retry_of" in trial.user_attrs for trial in tried) >= 2
