"""A database written by Optuna 4 (see tests/golden)."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest
from optuna.trial import TrialState

from sweep.storage.url import StorageUrl
from sweep.transfer.copy import copy_study, refuse_differences
from sweep.transfer.export import FORMATS, export_study
from sweep.transfer.snapshot import take

GOLDEN = Path(__file__).parents[2] / "golden" / "optuna4.db"
CAVEAT = "Optuna 4 stored local times without a time zone, Optuna 5 reads them as UTC"
AS_STORED = "2026-11-25T09:37:13.257274+00:00"


@pytest.fixture
def four(tmp_path: Path) -> StorageUrl:
    """A copy of the database."""
    return StorageUrl.parse(f"sqlite:///{shutil.copy(GOLDEN, tmp_path / 'optuna4.db')}")


def test_it_opens_with_all_its_trials(four: StorageUrl) -> None:
    """Without an upgrade, and without a write."""
    assert four.path is not None
    before = four.path.read_bytes()
    study = take(four, None)

    assert study.name == "four"
    assert [trial.state for trial in study.trials] == [
        *[TrialState.COMPLETE] * 3,
        TrialState.FAIL,
        TrialState.PRUNED,
        TrialState.RUNNING,
        TrialState.WAITING,
    ]
    assert study.trials[0].params == {"rate": 0.01, "rank": 4, "targets": None}
    assert study.trials[1].intermediate_values == {0: 0.0, 1: 0.25, 2: 0.5}
    assert study.trials[6].system_attrs == {"fixed_params": {"rank": 2}}
    assert four.path.read_bytes() == before


@pytest.mark.parametrize("suffix", sorted(FORMATS))
def test_it_is_exported_with_a_note_on_its_times(
    suffix: str, four: StorageUrl, tmp_path: Path
) -> None:
    """Local times of different zones cannot be distinguished in it."""
    report = export_study(four, None, tmp_path / f"table{suffix}")

    assert report["trials"] == 7
    assert CAVEAT in report["times"]


@pytest.mark.parametrize("zone", ["Asia/Tokyo", "America/New_York", "UTC"])
def test_the_export_does_not_depend_on_the_time_zone(
    zone: str,
    four: StorageUrl,
    tmp_path: Path,
    lorasweep: Callable[..., CompletedProcess[str]],
) -> None:
    """The stored digits count as UTC, with a note on stderr and in both JSON documents."""
    arguments = ("export", "--storage", four.url, "--out", "table.json", "--json")
    done = lorasweep(*arguments, env=os.environ | {"TZ": zone})
    document = json.loads((tmp_path / "table.json").read_text())

    assert done.returncode == 0, done.stderr
    assert done.stderr.splitlines() == [f"lorasweep: {document['study']['times']}"]
    assert CAVEAT in done.stderr
    assert json.loads(done.stdout)["times"] == document["study"]["times"]
    assert document["trials"][0]["datetime_start"] == AS_STORED


def test_it_is_copied_with_every_trial_equal(four: StorageUrl, tmp_path: Path) -> None:
    """With its times as Optuna 5 reads them, which the copy's report notes."""
    journal = StorageUrl.parse(f"journal:///{tmp_path}/four.log")
    back = StorageUrl.parse(f"sqlite:///{tmp_path}/back.db")
    notes = copy_study(four, None, journal)["notes"]
    copy_study(journal, None, back)

    assert any(CAVEAT in note for note in notes)
    refuse_differences(take(four, None), take(back, None), back)


def test_a_journal_of_optuna_4_has_another_note(tmp_path: Path) -> None:
    """Optuna 5 reads its naive times as local times of the present machine."""
    path = tmp_path / "four.log"
    path.write_text(
        '{"op_code": 0, "worker_id": "w", "study_name": "four", "directions": [1]}\n'
        '{"op_code": 4, "worker_id": "w", "study_id": 0, '
        '"datetime_start": "2026-11-25T09:37:13.257274"}\n'
    )
    report = export_study(StorageUrl.parse(f"journal:///{path}"), None, tmp_path / "table.csv")

    assert report["trials"] == 1
    assert "reads them as local times of the machine it runs on" in report["times"]


def test_its_status_is_shown(
    four: StorageUrl, lorasweep: Callable[..., CompletedProcess[str]]
) -> None:
    """Although it has no spec; nothing is written."""
    assert four.path is not None
    before = four.path.read_bytes()
    shown = lorasweep("status", "--storage", four.url)
    report = json.loads(lorasweep("status", "--storage", four.url, "--json").stdout)

    assert "objective  unknown: a study of plain Optuna (maximize)" in shown.stdout
    assert "3 complete, 1 failed, 1 pruned, 1 running, 1 waiting" in shown.stdout
    assert "lorasweep resume" not in shown.stdout
    assert report["spec_digest"] is None
    assert (report["best"]["number"], report["best"]["value"]) == (1, 0.5)
    assert four.path.read_bytes() == before
