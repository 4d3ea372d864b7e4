"""Copies of studies from one database to another."""

from dataclasses import replace

import optuna
import pytest
from optuna.trial import TrialState, create_trial

from sweep import Sampler, StudySpec
from sweep.sampling.samplers import distributions, make_sampler
from sweep.storage.database import open_storage
from sweep.storage.owner import DriverLease
from sweep.storage.studies import create_or_resume, load_study, open_study, quiet_optuna, write_spec
from sweep.storage.url import StorageUrl
from sweep.study.objective import ObjectiveInfo
from sweep.transfer.copy import copy_study, refuse_differences
from sweep.transfer.snapshot import COPYING, Snapshot, take

FACTS = ObjectiveInfo({"data": "d1"}, {"torch": "2"})


def test_a_study_copied_to_a_journal_and_back_is_unchanged(
    address: StorageUrl, foreign: optuna.Study, journal: StorageUrl, other: StorageUrl
) -> None:
    """Every state, unusual texts, times, constraints, the attributes of the study."""
    report = copy_study(address, None, journal)
    copy_study(journal, "odd", other)

    assert report["verified"]
    assert report["trials"] == 5
    assert report["counts"]["WAITING"] == 1
    there = take(other, None)
    refuse_differences(take(address, None), there, address)
    assert there.lasting_attrs == foreign.user_attrs
    assert there.system_attrs == {"qmc:sample_id": 7}
    for copied, trial in zip(there.trials, foreign.trials, strict=True):
        assert copied.datetime_start == trial.datetime_start
        assert copied.datetime_complete == trial.datetime_complete
        assert copied.constraints == trial.constraints


def test_a_study_of_several_objectives_keeps_them(
    url: str, address: StorageUrl, journal: StorageUrl
) -> None:
    """Directions and all values."""
    study = optuna.create_study(storage=url, directions=["maximize", "minimize"])
    study.add_trial(create_trial(values=[0.5, float("inf")]))
    copy_study(address, None, journal)
    copied = open_study(journal)

    assert copied.directions == study.directions
    assert copied.trials[0].values == [0.5, float("inf")]


def test_a_queued_trial_is_the_next_one_of_the_copy(
    address: StorageUrl, foreign: optuna.Study, journal: StorageUrl
) -> None:
    """With its values and attributes."""
    copy_study(address, None, journal)
    trial = open_study(journal).ask()

    assert trial.number == 0
    assert trial.user_attrs == {"replicate": 1, "seed": 5}
    assert trial.suggest_float("rate", 1e-5, 1.0, log=True) == 0.5
    assert foreign.trials[0].state == TrialState.WAITING  # the source is only read


def test_a_trial_that_was_queued_outside_its_range_is_copied(
    url: str, address: StorageUrl, journal: StorageUrl
) -> None:
    """Optuna runs it with a warning, and refuses to add it elsewhere."""
    study = optuna.create_study(storage=url)
    study.enqueue_trial({"x": 5.0})
    trial = study.ask()
    with pytest.warns(UserWarning, match="out of range"):
        trial.suggest_float("x", 0, 1)
    study.tell(trial, 1.0)
    copy_study(address, None, journal)

    assert open_study(journal).trials[0].params == {"x": 5.0}


def test_a_quasi_random_sampler_continues_in_the_copy(
    address: StorageUrl, spec: StudySpec, journal: StorageUrl
) -> None:
    """Its position is in the study's system attributes."""
    qmc = replace(spec, sampler=Sampler("qmc", 1))
    study = create_or_resume(address, qmc, FACTS)
    write_spec(study, qmc, FACTS)
    space = distributions(spec.space)

    def next_of(opened: optuna.Study) -> dict[str, object]:
        opened.sampler = make_sampler(qmc, len(opened.trials), set())
        trial = opened.ask(space)
        opened.tell(trial, 0.5)
        return trial.params

    with quiet_optuna():
        for _ in range(4):
            next_of(study)
        copy_study(address, None, journal)
        copied = open_study(journal)

        assert Snapshot.of(copied).system_attrs == Snapshot.of(study).system_attrs != {}
        assert next_of(copied) == next_of(study)


def test_the_copy_has_its_spec_and_no_driver(
    address: StorageUrl, ours: optuna.Study, journal: StorageUrl, spec: StudySpec
) -> None:
    """So that it can be resumed at once; the source stays with its driver."""
    report = copy_study(address, None, journal)
    copied = load_study(journal, spec.name)

    assert "owner" not in copied.user_attrs
    assert copied.user_attrs[COPYING] is None
    assert copied.user_attrs["spec"] == ours.user_attrs["spec"]
    assert copied.user_attrs["fingerprints"] == {"data": "d1"}
    assert f"process {DriverLease.myself().pid} on" in report["notes"][0]
    assert "closes them as interrupted" in report["notes"][0]
    assert DriverLease.from_json(ours.user_attrs["owner"]).same_process(DriverLease.myself())


def test_a_foreign_owner_attribute_is_copied(
    address: StorageUrl, foreign: optuna.Study, journal: StorageUrl
) -> None:
    """Only lorasweep's own record of a process is left out."""
    foreign.set_user_attr("owner", {"name": "Ada"})
    foreign.set_user_attr(COPYING, "allowed")
    copy_study(address, None, journal)

    assert open_study(journal).user_attrs["owner"] == {"name": "Ada"}
    assert open_study(journal).user_attrs[COPYING] == "allowed"


def test_files_beside_the_database_are_named_as_not_copied(
    address: StorageUrl, ours: optuna.Study, journal: StorageUrl, other: StorageUrl
) -> None:
    """Unless the study has their path, which the copy has too."""
    assert not any("checkpoints" in note for note in copy_study(address, None, journal)["notes"])
    (address.files / "small" / "trial").mkdir(parents=True)
    note = copy_study(address, None, other)["notes"][1]

    assert note.startswith(f"checkpoints and adapters in {address.files / 'small'} are not copied")
    assert f"--files {address.files}" in note
    ours.set_user_attr("files", "/elsewhere")
    third = other.path.with_name("third.db")
    notes = copy_study(address, None, StorageUrl.parse(f"sqlite:///{third}"))["notes"]
    assert not any("checkpoints" in note for note in notes)


def test_sqlite_stores_a_negative_zero_without_its_sign(
    journal: StorageUrl, other: StorageUrl
) -> None:
    """It is the same number; a journal keeps the sign."""
    study = optuna.create_study(storage=open_storage(journal, make=True), study_name="zero")
    study.add_trial(create_trial(value=-0.0, intermediate_values={1: -0.0}))
    copy_study(journal, None, other)
    again = StorageUrl.parse(f"{journal.url}.again")
    copy_study(journal, None, again)

    assert str(open_study(other).trials[0].value) == "0.0"
    assert str(open_study(again).trials[0].value) == "-0.0"
