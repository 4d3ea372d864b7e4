"""Data or base replaced during a sweep: workers that start later compute nothing with it."""

from __future__ import annotations

from pathlib import Path

import pytest

from sweep import Budget, Choice, Space, StudySpec
from sweep.driver.listener import NullListener
from sweep.driver.run_study import Options, run_study
from sweep.errors import SweepError
from sweep.storage.studies import load_study
from sweep.storage.url import StorageUrl
from sweep.study.spec import Policy


def study(data: Path, content: str, removes: str = "") -> StudySpec:
    """Eight trials, the third of which replaces the data, or removes a folder."""
    return StudySpec(
        name="swapped",
        objective="faults.swapped:Swapped",
        space=Space({"x1": Choice(*range(16)), "x2": Choice(0, 1)}),
        settings={
            "function": "linear",
            "at": 2,
            "content": content,
            "removes": removes,
            "steps": 2,
        },
        inputs={"data": str(data)},
        budget=Budget(trials=8),
        policy=Policy(on_failure="continue"),
    )


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        pytest.param("other", r"the inputs must hold .*data: .* -> .*Restore", id="replaced"),
        pytest.param("", "No such file or directory", id="deleted"),
    ],
)
def test_a_worker_started_after_a_swap_runs_no_trial(
    tmp_path: Path, content: str, expected: str
) -> None:
    """Completed trials stay; the rest run once the file is restored."""
    data, address = tmp_path / "data.txt", StorageUrl.parse(f"sqlite:///{tmp_path}/study.db")
    data.write_text("as it was")
    with pytest.raises((SweepError, FileNotFoundError), match=expected):
        run_study(study(data, content), address, NullListener(), Options(workers=1))
    states = [trial.state.name for trial in load_study(address, "swapped").trials]

    assert states.count("COMPLETE") == 2

    if not content:
        data.touch()
    with pytest.raises(SweepError, match="was made"):  # the study stores the digest of its data
        run_study(study(data, content), address, NullListener(), Options(workers=1))
    data.write_text("as it was")
    run_study(study(data, content), address, NullListener(), Options(workers=1))

    states = [trial.state.name for trial in load_study(address, "swapped").trials]
    assert states.count("COMPLETE") == 8


def test_a_removed_files_folder_costs_no_trial(tmp_path: Path) -> None:
    """Without checkpoints the trials start anew, and the study completes."""
    data, address = tmp_path / "data.txt", StorageUrl.parse(f"sqlite:///{tmp_path}/study.db")
    data.write_text("as it was")
    removing = study(data, "", removes=f"{tmp_path}/study.db.files")
    run_study(removing, address, NullListener(), Options(workers=2))
    trials = load_study(address, "swapped").trials

    assert [t.state.name for t in trials].count("COMPLETE") == 8
    assert all(
        t.value == 2 * t.params["x1"] + t.params["x2"] for t in trials if t.value is not None
    )
