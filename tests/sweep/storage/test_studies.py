import contextlib
import sqlite3
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import optuna
import pytest

from sweep import Budget, Choice, Sampler, Space, StudySpec
from sweep.errors import ResumeError, StorageError
from sweep.storage.owner import DriverLease, acquire, release
from sweep.storage.studies import create_or_resume, find_study, load_study, read_spec, write_spec
from sweep.storage.url import StorageUrl
from sweep.study.objective import ObjectiveInfo

FACTS = ObjectiveInfo({"data": "d1", "base": "b1"}, {"torch": "2"}, about={"data": {"chains": 3}})


def made(address: StorageUrl, spec: StudySpec, facts: ObjectiveInfo = FACTS) -> optuna.Study:
    """Create or resume a study, and write the attributes of a run."""
    study = create_or_resume(address, spec, facts)
    write_spec(study, spec, facts)
    return study


def test_a_study_keeps_its_spec_digest_versions_and_fingerprints(
    address: StorageUrl, spec: StudySpec
) -> None:
    """The database alone is enough to resume."""
    made(address, spec)
    study = load_study(address)

    assert read_spec(study) == spec
    assert study.user_attrs["spec_digest"] == spec.digest()
    assert study.user_attrs["fingerprints"] == {"data": "d1", "base": "b1"}
    assert {"torch", "optuna", "lorasweep", "python"} <= set(study.user_attrs["versions"])
    assert study.direction.name == "MAXIMIZE"


def test_the_same_spec_resumes_with_more_trials_from_another_folder(
    address: StorageUrl, spec: StudySpec
) -> None:
    """Budget and paths are not part of the digest."""
    made(address, spec)
    longer = replace(spec, budget=Budget(trials=500), inputs={"data": "moved"})
    made(address, longer)

    assert read_spec(load_study(address)) == longer


def test_other_package_versions_are_warned_of(
    address: StorageUrl, spec: StudySpec, caplog: pytest.LogCaptureFixture
) -> None:
    """They are not refused, but logged."""
    made(address, spec)
    assert not caplog.messages
    made(address, spec, replace(FACTS, versions={"torch": "3"}))

    assert caplog.messages == ["package versions differ from the last run's: torch: '2' -> '3'"]


def test_resume_refuses_with_each_difference(address: StorageUrl, spec: StudySpec) -> None:
    """A changed range, direction, sampler, data set and base: five lines."""
    made(address, spec)
    changed = replace(
        spec,
        space=Space({**spec.space.params, "rank": Choice(1, 2, 4, 16)}),
        direction="minimize",
        sampler=Sampler("random"),
    )
    with pytest.raises(ResumeError, match="must go on as it was made, got 5 differences") as caught:
        create_or_resume(
            address, changed, replace(FACTS, fingerprints={"data": "d2", "base": "b2"})
        )

    text = str(caught.value)
    assert "space.rank.values: [1, 2, 4, 8] -> [1, 2, 4, 16]" in text
    assert "direction: 'maximize' -> 'minimize'" in text
    assert "sampler.name: 'tpe' -> 'random'" in text
    assert "data: content d1 -> d2" in text
    assert "base: content b1 -> b2" in text
    assert "extend the study (lorasweep extend), or give it another name" in text


def test_two_studies_share_a_database(address: StorageUrl, spec: StudySpec) -> None:
    """A name is then required."""
    made(address, spec)
    made(address, replace(spec, name="other"))

    assert load_study(address, "other").study_name == "other"
    with pytest.raises(StorageError, match="--name must name one of the 2 studies: other, small"):
        load_study(address)
    with pytest.raises(StorageError, match="--name must be one of other, small, got 'third'"):
        load_study(address, "third")


def test_reading_a_missing_file_does_not_create_it(tmp_path: object) -> None:
    """A mistyped path must not leave an empty database."""
    address = StorageUrl.parse(f"sqlite:///{tmp_path}/typo.db")
    with pytest.raises(StorageError, match=r"--storage must name an existing file, got .*typo\.db"):
        load_study(address)

    assert not list(tmp_path.iterdir())


def test_reading_a_new_database_creates_nothing(tmp_path: Path) -> None:
    """A reader's tables would conflict with the driver's, and end the sweep."""
    path = tmp_path / "new.db"
    with contextlib.closing(sqlite3.connect(path)) as database:
        # The first of Optuna's many tables.
        database.execute("create table studies (study_id integer)")
        with pytest.raises(StorageError, match=r"must hold a study.*ask again in a moment"):
            load_study(StorageUrl.parse(f"sqlite:///{path}"))
        tables = database.execute("select name from sqlite_master").fetchall()

    assert tables == [("studies",)]


def test_status_does_not_disturb_a_starting_sweep(tmp_path: Path, spec: StudySpec) -> None:
    """The database is read repeatedly from before it exists."""
    address = StorageUrl.parse(f"sqlite:///{tmp_path}/busy.db")
    looking = threading.Event()
    found: list[object] = []

    def look() -> None:
        while not looking.is_set():
            found.append(find_study(address, spec.name))

    reader = threading.Thread(target=look)
    reader.start()
    try:
        made(address, spec)
    finally:
        looking.set()
        reader.join()

    assert found
    assert find_study(address, spec.name) is not None


@pytest.mark.parametrize("wrong", ["study.db", "nosuchdb://x/y"])
def test_a_wrong_url_is_one_clear_error(wrong: str, spec: StudySpec) -> None:
    """No SQLAlchemy traceback."""
    with pytest.raises(StorageError, match="--storage must be a database"):
        create_or_resume(StorageUrl.parse(wrong), spec, FACTS)


def test_a_text_file_is_no_database(tmp_path: object, spec: StudySpec) -> None:
    """And is unchanged."""
    path = tmp_path / "notes.db"
    path.write_text("these are notes, not a database, " * 40)
    with pytest.raises(StorageError, match="must be a whole SQLite database"):
        create_or_resume(StorageUrl.parse(f"sqlite:///{path}"), spec, FACTS)

    assert path.read_text().startswith("these are notes")


def test_a_plain_optuna_study_is_refused(address: StorageUrl, spec: StudySpec) -> None:
    """It has no spec to compare with."""
    study = optuna.create_study(storage=address.url, study_name=spec.name)
    study.tell(study.ask(), 1.0)

    with pytest.raises(StorageError, match="must have been made by lorasweep"):
        create_or_resume(address, spec, FACTS)
    with pytest.raises(StorageError, match="must have been made by lorasweep"):
        load_study(address)


def test_a_live_driver_excludes_others(address: StorageUrl, spec: StudySpec) -> None:
    """The message names the driver; ``take_over`` overrides it."""
    study = made(address, spec)
    sleeper = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        study.set_user_attr("owner", DriverLease.of(sleeper.pid).to_json())
        with pytest.raises(StorageError, match=f"one driver at a time.*process {sleeper.pid} on"):
            acquire(study, address.shown)
        acquire(study, address.shown, take_over=True)
    finally:
        sleeper.kill()
        sleeper.wait()

    assert DriverLease.from_json(study.user_attrs["owner"]).same_process(DriverLease.myself())


def test_a_dead_driver_is_replaced(address: StorageUrl, spec: StudySpec) -> None:
    """Its process has ended, or its id belongs to a younger process."""
    study = made(address, spec)
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    me = DriverLease.myself()
    for dead in (replace(me, pid=gone.pid), replace(me, started=me.started - 1000)):
        study.set_user_attr("owner", dead.to_json())
        acquire(study, address.shown)

        assert DriverLease.from_json(study.user_attrs["owner"]).same_process(me)


def test_a_driver_on_another_machine_counts_as_alive(address: StorageUrl, spec: StudySpec) -> None:
    """Nothing is known about its process."""
    study = made(address, spec)
    study.set_user_attr("owner", replace(DriverLease.myself(), host="elsewhere").to_json())

    with pytest.raises(StorageError, match="on elsewhere since"):
        acquire(study, address.shown)


def test_release_does_not_affect_a_new_owner(address: StorageUrl, spec: StudySpec) -> None:
    """A study that was taken over stays with its new driver."""
    study = made(address, spec)
    me = acquire(study, address.shown)
    other = replace(me, host="elsewhere")
    study.set_user_attr("owner", other.to_json())
    release(study, me)

    assert study.user_attrs["owner"] == other.to_json()
