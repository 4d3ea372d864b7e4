"""Settings left to the machine are pinned by the machine that starts the study."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import optuna
import pytest
from deciding import MACHINE

from sweep import Budget, StudySpec
from sweep.driver.listener import NullListener
from sweep.driver.run_study import Options, run_study
from sweep.errors import SpecError
from sweep.report.tree.build import report_tree
from sweep.signals import Interrupts
from sweep.storage.studies import load_study, read_pins
from sweep.storage.url import StorageUrl
from sweep.workers.local import LocalLauncher


@pytest.fixture
def deciding(spec: StudySpec) -> StudySpec:
    """A study of three trials that leaves the number of steps to the machine."""
    return replace(
        spec,
        objective="deciding:Deciding",
        settings={"function": "surface"},
        budget=Budget(trials=3),
        baselines=(),
    )


def run(
    monkeypatch: pytest.MonkeyPatch, spec: StudySpec, address: StorageUrl, machine: int
) -> optuna.Study:
    """Run a study on a machine with this choice."""
    monkeypatch.setenv(MACHINE, str(machine))
    return run_study(spec, address, NullListener(), Options(workers=2))


def steps(study: optuna.Study) -> list[int]:
    """Each trial's number of reports."""
    return [len(trial.user_attrs["curve"]) for trial in study.trials]


@pytest.mark.slow
def test_another_machine_continues_with_the_first_choice(
    monkeypatch: pytest.MonkeyPatch, deciding: StudySpec, address: StorageUrl
) -> None:
    """In all its workers; the spec itself stays unchanged."""
    study = run(monkeypatch, deciding, address, machine=3)
    assert (steps(study), read_pins(study)) == ([3] * 3, {"steps": 3})

    longer = replace(deciding, budget=Budget(trials=6))
    study = run(monkeypatch, longer, address, machine=5)
    assert (steps(study), read_pins(study)) == ([3] * 6, {"steps": 3})
    assert study.user_attrs["spec_digest"] == deciding.digest()
    assert "steps" not in study.user_attrs["spec"]["settings"]
    assert report_tree(load_study(address), address)["fixed"]["steps"] == 3


def test_a_study_with_its_own_setting_is_not_pinned(
    monkeypatch: pytest.MonkeyPatch, deciding: StudySpec, address: StorageUrl
) -> None:
    """No pin is stored."""
    spec = replace(deciding, settings={**deciding.settings, "steps": 2})
    study = run(monkeypatch, spec, address, machine=5)

    assert (steps(study), read_pins(study)) == ([2] * 3, {})


def test_a_study_from_before_pins_is_not_pinned(
    monkeypatch: pytest.MonkeyPatch, deciding: StudySpec, address: StorageUrl
) -> None:
    """Its objective chooses as before, also in the middle of the study."""
    study = run(monkeypatch, deciding, address, machine=3)
    study.set_user_attr("pinned", {})
    study = run(monkeypatch, replace(deciding, budget=Budget(trials=4)), address, machine=5)

    assert steps(study) == [3, 3, 3, 1]


def test_a_setting_that_cannot_be_pinned_is_an_error_of_the_objective(spec: StudySpec) -> None:
    """The worker reports why its objective cannot be rebuilt, and is not used again."""
    launcher = LocalLauncher(spec)
    with Interrupts() as interrupts:
        launcher.call("facts", interrupts=interrupts)
        with pytest.raises(SpecError, match=r"settings\.function"):
            launcher.pin({"function": "nonsense"}, interrupts=interrupts)
    launcher.close()


def test_workers_started_later_use_the_pins(spec: StudySpec) -> None:
    """And so does the first one."""
    launcher = LocalLauncher(spec, workers=2)
    found: list[Any] = []
    with Interrupts() as interrupts:
        for _ in range(2):
            launcher.call("facts", interrupts=interrupts)
            launcher.pin({"noise": 0.25}, interrupts=interrupts)
            found.append(launcher.call("facts", interrupts=interrupts).about["noise"])
            launcher.close()
    assert found == [0.25, 0.25]
