"""What a study leaves to the machine is decided once, by the machine that begins it."""

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
    """Three trials, whose number of steps is left to the machine."""
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
    """On a machine that decides so."""
    monkeypatch.setenv(MACHINE, str(machine))
    return run_study(spec, address, NullListener(), Options(workers=2))


def steps(study: optuna.Study) -> list[int]:
    """Of each trial, how many it reported."""
    return [len(trial.user_attrs["curve"]) for trial in study.trials]


@pytest.mark.slow
def test_another_machine_goes_on_as_the_first_began(
    monkeypatch: pytest.MonkeyPatch, deciding: StudySpec, address: StorageUrl
) -> None:
    """In all its workers; and the spec says still that it was left open."""
    study = run(monkeypatch, deciding, address, machine=3)
    assert (steps(study), read_pins(study)) == ([3] * 3, {"steps": 3})

    longer = replace(deciding, budget=Budget(trials=6))
    study = run(monkeypatch, longer, address, machine=5)
    assert (steps(study), read_pins(study)) == ([3] * 6, {"steps": 3})
    assert study.user_attrs["spec_digest"] == deciding.digest()
    assert "steps" not in study.user_attrs["spec"]["settings"]
    assert report_tree(load_study(address), address)["fixed"]["steps"] == 3


def test_a_study_that_decides_itself_is_left_alone(
    monkeypatch: pytest.MonkeyPatch, deciding: StudySpec, address: StorageUrl
) -> None:
    """Nothing is pinned."""
    spec = replace(deciding, settings={**deciding.settings, "steps": 2})
    study = run(monkeypatch, spec, address, machine=5)

    assert (steps(study), read_pins(study)) == ([2] * 3, {})


def test_a_study_from_before_there_were_pins_goes_on_as_it_was(
    monkeypatch: pytest.MonkeyPatch, deciding: StudySpec, address: StorageUrl
) -> None:
    """Its objective decides as it did then: nobody else does so in the middle of a study."""
    study = run(monkeypatch, deciding, address, machine=3)
    study.set_user_attr("pinned", {})
    study = run(monkeypatch, replace(deciding, budget=Budget(trials=4)), address, machine=5)

    assert steps(study) == [3, 3, 3, 1]


def test_a_setting_that_cannot_be_pinned_is_an_error_of_the_objective(spec: StudySpec) -> None:
    """The worker says why its objective cannot be built anew, and is not used again."""
    launcher = LocalLauncher(spec)
    with Interrupts() as interrupts:
        launcher.call("facts", interrupts=interrupts)
        with pytest.raises(SpecError, match=r"settings\.function"):
            launcher.pin({"function": "nonsense"}, interrupts=interrupts)
    launcher.close()


def test_workers_hired_later_go_by_the_pins(spec: StudySpec) -> None:
    """And so does the one that was there."""
    launcher = LocalLauncher(spec, workers=2)
    found: list[Any] = []
    with Interrupts() as interrupts:
        for _ in range(2):
            launcher.call("facts", interrupts=interrupts)
            launcher.pin({"noise": 0.25}, interrupts=interrupts)
            found.append(launcher.call("facts", interrupts=interrupts).about["noise"])
            launcher.close()
    assert found == [0.25, 0.25]
