"""Copies that are refused, and incomplete copies."""

import subprocess
import sys
from pathlib import Path

import optuna
import pytest
from optuna.trial import create_trial

from sweep.errors import StorageError
from sweep.storage.database import open_storage
from sweep.storage.studies import open_study
from sweep.storage.url import StorageUrl
from sweep.transfer.copy import copy_study, refuse_differences
from sweep.transfer.snapshot import Snapshot, take


def test_an_existing_study_of_that_name_is_unchanged(
    address: StorageUrl, foreign: optuna.Study, other: StorageUrl
) -> None:
    """Also if it is the source itself."""
    there = optuna.create_study(storage=other.url, study_name="odd")
    there.set_user_attr("mine", 1)
    for target in (other, address):
        with pytest.raises(StorageError, match="TO must hold no study named 'odd' yet"):
            copy_study(address, None, target)

    assert there.user_attrs == {"mine": 1}
    assert len(foreign.trials) == 5


def test_another_study_in_the_target_is_unchanged(
    address: StorageUrl, foreign: optuna.Study, other: StorageUrl
) -> None:
    """A database may hold several."""
    optuna.create_study(storage=other.url, study_name="neighbour").add_trial(create_trial(value=1))
    copy_study(address, None, other)

    assert len(open_study(other, "neighbour").trials) == 1
    assert len(open_study(other, "odd").trials) == len(foreign.trials)


def test_another_programs_database_is_no_target(
    address: StorageUrl, foreign: optuna.Study, tmp_path: Path
) -> None:
    """As for a run."""
    del foreign
    notes = tmp_path / "notes.db"
    subprocess.run(
        [
            sys.executable,
            "-c",
            f"import sqlite3; sqlite3.connect({str(notes)!r}).execute('create table n (x)')",
        ],
        check=True,
    )
    with pytest.raises(StorageError, match="TO must be a database of Optuna's or an empty one"):
        copy_study(address, None, StorageUrl.parse(f"sqlite:///{notes}"))


def test_a_missing_source_is_named_and_creates_no_target(
    address: StorageUrl, other: StorageUrl
) -> None:
    """The message says which of the two databases it is."""
    with pytest.raises(StorageError, match="FROM must name an existing file"):
        copy_study(address, None, other)

    assert other.path is not None
    assert not other.path.exists()


def test_trials_with_incompatible_distributions_are_one_clear_error(
    journal: StorageUrl, other: StorageUrl
) -> None:
    """A journal accepts a parameter with two sets of choices, a table does not."""
    study = optuna.create_study(storage=open_storage(journal, make=True), study_name="two")
    for choices in (["a", "b"], ["a", "c"]):
        distribution = optuna.distributions.CategoricalDistribution(choices)
        study.add_trial(create_trial(value=1, params={"x": "a"}, distributions={"x": distribution}))
    with pytest.raises(StorageError, match="trial 1 must be one that the target can keep"):
        copy_study(journal, None, other)
    with pytest.raises(StorageError, match="study 'two' must be whole, got 'an unfinished copy'"):
        take(other, None)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda study: study.add_trial(create_trial(value=1)), "6 trials for 5"),
        (lambda study: study.set_user_attr("about", 1), "user attribute about"),
        (lambda study: study.set_user_attr("new", None), "user attribute new"),
        (
            lambda study: study._storage.set_study_system_attr(study._study_id, "qmc:sample_id", 8),
            "system attribute qmc:sample_id",
        ),
        (lambda study: study.tell(4, 1.0), "trial 4: state, values, datetime_complete"),
    ],
)
def test_a_copy_that_differs_is_refused(
    change: object, expected: str, address: StorageUrl, foreign: optuna.Study
) -> None:
    """In any field."""
    before = Snapshot.of(foreign)
    refuse_differences(before, Snapshot.of(foreign), address)
    change(foreign)

    with pytest.raises(
        StorageError, match=f"the copy of 'odd' must equal its source, got '{expected}"
    ):
        refuse_differences(before, Snapshot.of(foreign), address)
