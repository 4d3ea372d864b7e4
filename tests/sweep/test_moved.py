"""Modules of version 0.1.0 can still be imported by objectives and scripts."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

from sweep._moved import MOVED, STORAGE

OLD = '''
from collections.abc import Callable

from sweep.objective import Facts
from sweep.trial import Pack, TrialParams, TrialResult


class Line:
    """The objective of a user of 0.1.0."""

    def __init__(self, settings, inputs):
        pass

    def facts(self):
        return Facts()

    def check(self, space, baselines):
        return {}

    def run(self, pack, report, leave=None, refill=None):
        return [
            TrialResult(params.number, "COMPLETE", float(params.values["x"])) for params in pack
        ]
'''
STUDY = """
from sweep import Budget, Int
from sweep.space import Space
from sweep.spec import StudySpec

STUDY = StudySpec(
    name="old", objective="line:Line", space=Space({"x": Int(1, 5)}), budget=Budget(trials=3)
)
"""


@pytest.mark.parametrize("old", MOVED)
def test_an_old_module_has_the_names_of_the_new_ones(old: str) -> None:
    """The same objects, so that classes are identical."""
    with pytest.warns(DeprecationWarning, match=f"{old} is now") as warned:
        module = importlib.import_module(old)
    del sys.modules[old]

    assert len(warned) == 1
    for new in map(importlib.import_module, MOVED[old]):
        for name in vars(new):
            if not name.startswith("__"):
                assert hasattr(module, name)


@pytest.mark.parametrize("name", STORAGE)
def test_a_name_of_the_old_storage_is_the_present_object(name: str) -> None:
    """Also if it has another name now."""
    module, _, now = f"sweep.storage.{STORAGE[name]}".rpartition(".")
    with pytest.warns(DeprecationWarning, match=f"sweep.storage.{name} is now {module}.{now}"):
        found = getattr(importlib.import_module("sweep.storage"), name)

    assert found is getattr(importlib.import_module(module), now)


def test_a_name_that_the_old_storage_did_not_have_is_an_error() -> None:
    """As in any module."""
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        importlib.import_module("sweep.storage").nothing  # noqa: B018 - the attribute is the test


def test_facts_keeps_its_old_name() -> None:
    """A name that has changed."""
    with pytest.warns(DeprecationWarning, match="is now sweep.study.objective"):
        old = importlib.import_module("sweep.objective")
    del sys.modules["sweep.objective"]

    assert old.Facts is importlib.import_module("sweep.study.objective").ObjectiveInfo


def test_a_study_and_an_objective_of_version_0_1_0_run(tmp_path: Path) -> None:
    """In separate processes, as by users."""
    (tmp_path / "line.py").write_text(OLD)
    (tmp_path / "old_study.py").write_text(STUDY)
    program = Path(sys.executable).with_name("lorasweep")
    done = subprocess.run(
        [program, "run", "old_study.py", "--workers", "1"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=250,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert "3/3 complete" in done.stdout
