from pathlib import Path

import pytest

from studies.demo import STUDY
from sweep.cli.main import parse
from sweep.cli.study_file import apply_options
from sweep.errors import UsageError


def test_paths_are_stored_absolute_for_a_resume(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From any folder; names of the Hub and built-ins are unchanged."""
    (tmp_path / "chains").mkdir()
    monkeypatch.chdir(tmp_path)
    options = parse(["run", "studies.demo", "--data", "chains", "--base", "facebook/esm2"])
    spec = apply_options(STUDY, options)

    assert spec.inputs == {"data": str(tmp_path / "chains"), "base": "facebook/esm2"}


def test_options_override_only_what_they_name() -> None:
    """Settings keep their types; the rest of the study is unchanged."""
    arguments = ["run", "studies.demo", "--trials", "3", "--seconds", "60", "--skip-bad"]
    settings = ["--set", "epochs=0.5", "--set", "schedule=linear", "--set", "rslora=true"]
    spec = apply_options(STUDY, parse([*arguments, *settings, "--name", "mine"]))

    assert (spec.name, spec.budget.trials, spec.budget.seconds) == ("mine", 3, 60.0)
    changed = {"epochs": 0.5, "schedule": "linear", "rslora": True, "skip_bad": True}
    assert spec.settings == {**STUDY.settings, **changed}
    assert spec.space == STUDY.space
    assert spec.inputs == STUDY.inputs


def test_all_malformed_settings_are_reported_at_once() -> None:
    """Not only the first."""
    options = parse(["run", "studies.demo", "--set", "epochs", "--set", "a b=1"])
    with pytest.raises(UsageError, match="must be NAME=VALUE") as caught:
        apply_options(STUDY, options)

    assert len(caught.value.faults) == 2
