"""Copies that were interrupted."""

import signal
import subprocess
import sys
from pathlib import Path

import optuna
import pytest
from faults.disks import small_disk
from optuna.trial import create_trial

from sweep import StudySpec
from sweep.errors import StorageError
from sweep.storage.database import open_storage
from sweep.storage.studies import load_study, open_study
from sweep.storage.url import StorageUrl
from sweep.transfer.copy import copy_study, refuse_differences
from sweep.transfer.export import export_study
from sweep.transfer.snapshot import COPYING, Snapshot, mark, take

COPIER = """
import os, signal, sys
from sweep.storage.reads import Database as Storage
from sweep.storage.url import StorageUrl
from sweep.transfer.copy import copy_study
create = Storage.create_new_trial
def killed_after_twenty(storage, study_id, template_trial):
    number = create(storage, study_id, template_trial)
    if number >= 20:
        os.kill(os.getpid(), signal.SIGKILL)
    return number
Storage.create_new_trial = killed_after_twenty
copy_study(StorageUrl.parse(sys.argv[1]), None, StorageUrl.parse(sys.argv[2]))
"""


@pytest.mark.integration
def test_a_killed_copy_is_made_again(
    url: str, address: StorageUrl, other: StorageUrl, tmp_path: Path
) -> None:
    """And until then it is refused as a study."""
    study = optuna.create_study(storage=url, study_name="long")
    steps = {step: step / 7 for step in range(20)}
    study.add_trials([create_trial(value=n / 3, intermediate_values=steps) for n in range(40)])
    copier = subprocess.run([sys.executable, "-c", COPIER, address.url, other.url], check=False)
    assert copier.returncode == -signal.SIGKILL
    left = Snapshot.of(open_study(other))

    assert len(left.trials) == 20
    for refused in (
        lambda: load_study(other),
        lambda: copy_study(other, None, StorageUrl.parse(f"sqlite:///{tmp_path}/third.db")),
        lambda: export_study(other, None, tmp_path / "table.csv"),
    ):
        with pytest.raises(StorageError, match=r"made by lorasweep|must be whole"):
            refused()
    report = copy_study(address, None, other)
    assert (report["trials"], report["redone"]) == (40, True)
    refuse_differences(take(address, None), take(other, None), other)


def test_a_copy_killed_at_its_first_write_is_made_again(
    address: StorageUrl, foreign: optuna.Study, journal: StorageUrl
) -> None:
    """Before it was marked as incomplete."""
    optuna.create_study(
        storage=open_storage(journal, make=True), study_name="odd", direction="maximize"
    )
    assert copy_study(address, None, journal)["redone"]

    assert len(open_study(journal).trials) == len(foreign.trials)


def test_a_copy_killed_at_its_last_write_is_complete(
    address: StorageUrl, ours: optuna.Study, other: StorageUrl, spec: StudySpec
) -> None:
    """It is made again, unless it has been resumed."""
    copy_study(address, None, other)
    copied = load_study(other)
    copied.set_user_attr(COPYING, mark(address, "0.1.0"))
    assert copy_study(address, None, other)["redone"]

    copied = load_study(other)
    copied.set_user_attr(COPYING, mark(address, "0.1.0"))
    copied.add_trial(create_trial(value=0.75))
    with pytest.raises(StorageError, match=f"TO must hold no study named '{spec.name}' yet"):
        copy_study(address, None, other)
    assert len(copied.trials) == len(ours.trials) + 1


def test_a_copy_on_a_full_disk_is_made_again(url: str, address: StorageUrl, tmp_path: Path) -> None:
    """Once there is free space."""
    study = optuna.create_study(storage=url, study_name="wide")
    wide = {"noise": "x" * 100_000}
    study.add_trials([create_trial(value=n, user_attrs=wide) for n in range(12)])
    with small_disk(tmp_path, 1) as disk:
        filler = disk / "filler"
        filler.write_bytes(b"x" * 400_000)
        target = StorageUrl.parse(f"sqlite:///{disk}/copy.db")
        with pytest.raises(StorageError, match="TO must be on a disk with room"):
            copy_study(address, None, target)
        filler.unlink()
        study = optuna.create_study(storage=url, study_name="narrow")
        study.add_trial(create_trial(value=1))
        assert copy_study(address, "narrow", target)["trials"] == 1
        with pytest.raises(StorageError, match="study 'wide' must be whole"):
            take(target, "wide")
