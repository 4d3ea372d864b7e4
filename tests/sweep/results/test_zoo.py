"""Unusual studies of plain Optuna, read by every command."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import optuna
import pytest
import zoo
from few_trees import few_trees

from sweep.cli import main
from sweep.report.figures.kinds import draw
from sweep.report.page.page import page
from sweep.report.serve import gatherer, state_of
from sweep.storage.studies import open_known
from sweep.storage.url import StorageUrl

pytestmark = pytest.mark.integration


def refused(word: str) -> None:
    """Fail on NaN and infinity, which strict JSON lacks."""
    raise AssertionError(word)


@pytest.fixture
def read(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> Callable[[str], str]:
    """Run a reading command on the study of a folder; returns its output."""

    def run(line: str) -> str:
        words = [word.format(folder=tmp_path) for word in line.split()]
        assert main(words) == 0, capfd.readouterr().err
        return capfd.readouterr().out

    return run


FIRST = (
    "empty",
    "attributes as lorasweep's, 0",
    "a blank name",
    "names of several lines",
    "penalties that overflow",
    "nothing feasible",
    "pruned alone",
    "curves not finite",
    "choices beyond 64 bits",
)
"""One of each kind; all together take more than a minute."""


@pytest.mark.filterwarnings("ignore:Choices for a categorical distribution:UserWarning")
@pytest.mark.parametrize(
    "kind",
    [pytest.param(kind, marks=() if kind in FIRST else pytest.mark.slow) for kind in zoo.ZOO],
)
@few_trees()
def test_a_foreign_study_is_read_by_every_command(
    kind: str, read: Callable[[str], str], tmp_path: Path
) -> None:
    """Whatever its content and attributes: no traceback, and strict JSON."""
    url = f"sqlite:///{tmp_path}/study.db"
    study = optuna.create_study(storage=url, study_name="theirs", direction="maximize")
    zoo.ZOO[kind](study)
    count = len(study.get_trials())

    own_attributes = json.loads(read(f"status --storage {url} --json"), parse_constant=refused)
    assert (own_attributes["objective"], len(own_attributes["trials"])) == (None, count)
    assert {trial["seconds"] for trial in own_attributes["trials"]} <= {None}
    assert "theirs" in read(f"status --storage {url}")
    assert f"of {count} trials" in read(f"status --storage {url} --failed")
    read(f"export --storage {url} --out {{folder}}/out.json")
    json.loads((tmp_path / "out.json").read_text(), parse_constant=refused)
    read(f"copy {url} sqlite:///{{folder}}/copy.db")
    tree = watched(url)
    assert [trial["number"] for trial in tree["trials"]] == list(range(count))
    assert page(tree, draw(tree), plotly_js=None, live=True)


def watched(url: str) -> dict[str, Any]:
    """The data from which a live page is drawn."""
    address = StorageUrl.parse(url)
    study = open_known(address)
    state_of(study, address)
    tree = gatherer(study, address, quick=True)()
    json.dumps(tree, allow_nan=False)
    return tree


def test_several_objectives_are_refused_with_one_message(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """By analyses; status and export show them."""
    url = f"sqlite:///{tmp_path}/study.db"
    study = optuna.create_study(storage=url, directions=["minimize", "maximize"])
    study.tell(study.ask(), [0.5, 1.0])
    for line in ("status", "status --failed", f"export --out {tmp_path}/out.csv"):
        verb, *rest = line.split()
        assert main([verb, "--storage", url, *rest]) == 0
    for verb in ("importance", "report"):
        assert main([verb, "--storage", url]) == 1
        assert "must have one objective, got ['minimize', 'maximize']" in capfd.readouterr().err


def test_non_finite_values_are_null_with_a_note(tmp_path: Path, read: Callable[[str], str]) -> None:
    """In status, and in the report's list of missing data."""
    url = f"sqlite:///{tmp_path}/study.db"
    study = optuna.create_study(storage=url, direction="maximize")
    zoo.ZOO["infinite values"](study)
    own_attributes = json.loads(read(f"status --storage {url} --json"), parse_constant=refused)
    assert own_attributes["not_finite"] == {"trials[6].value": "inf", "trials[7].value": "-inf"}
    assert own_attributes["best"]["number"] == 5

    note = "Not finite, and shown as missing: value of trial 6 is inf, value of trial 7 is -inf."
    assert note in watched(url)["cannot"]


def test_values_too_large_to_be_squared_are_noted(tmp_path: Path) -> None:
    """They are not taken for a constant."""
    url = f"sqlite:///{tmp_path}/study.db"
    study = optuna.create_study(storage=url, direction="maximize")
    zoo.ZOO["a penalty"](study)
    tree = watched(url)
    text = json.dumps(tree)

    assert "cannot be squared" in text
    assert "constant" not in text
