import contextlib
import sqlite3
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import optuna
import psutil
import pytest

from sweep import Budget, Choice, Sampler, Space, StudySpec
from sweep.errors import ResumeError, StorageError
from sweep.objective import Facts
from sweep.owner import Owner, claim, release
from sweep.storage import (
    create_or_resume,
    find_study,
    load_study,
    read_spec,
    write_spec,
)

FACTS = Facts({"data": "d1", "base": "b1"}, {"torch": "2"}, about={"data": {"chains": 3}})


def made(url: str, spec: StudySpec, facts: Facts = FACTS) -> optuna.Study:
    """Create or resume, and write what a run writes."""
    study = create_or_resume(url, spec, facts)
    write_spec(study, spec, facts)
    return study


def test_a_study_keeps_its_spec_digest_versions_and_fingerprints(url: str, spec: StudySpec) -> None:
    """The database alone is enough to go on."""
    made(url, spec)
    study = load_study(url)

    assert read_spec(study) == spec
    assert study.user_attrs["spec_digest"] == spec.digest()
    assert study.user_attrs["fingerprints"] == {"data": "d1", "base": "b1"}
    assert {"torch", "optuna", "lorasweep", "python"} <= set(study.user_attrs["versions"])
    assert study.direction.name == "MAXIMIZE"


def test_the_same_spec_resumes_with_more_trials_from_another_folder(
    url: str, spec: StudySpec
) -> None:
    """How long and where are not what."""
    made(url, spec)
    longer = replace(spec, budget=Budget(trials=500), inputs={"data": "moved"})
    made(url, longer)

    assert read_spec(load_study(url)) == longer


def test_other_package_versions_are_said_aloud(
    url: str, spec: StudySpec, caplog: pytest.LogCaptureFixture
) -> None:
    """Not refused: a study may outlive a version; but never silent."""
    made(url, spec)
    assert not caplog.messages
    made(url, spec, replace(FACTS, versions={"torch": "3"}))

    assert caplog.messages == ["package versions differ from the last run's: torch: '2' -> '3'"]


def test_resume_refuses_and_names_each_difference(url: str, spec: StudySpec) -> None:
    """A changed range, direction, sampler, data set and base: five lines."""
    made(url, spec)
    changed = replace(
        spec,
        space=Space({**spec.space.params, "rank": Choice(1, 2, 4, 16)}),
        direction="minimize",
        sampler=Sampler("random"),
    )
    with pytest.raises(ResumeError, match="must go on as it was made, got 5 differences") as caught:
        create_or_resume(url, changed, replace(FACTS, fingerprints={"data": "d2", "base": "b2"}))

    text = str(caught.value)
    assert "space.rank.values: [1, 2, 4, 8] -> [1, 2, 4, 16]" in text
    assert "direction: 'maximize' -> 'minimize'" in text
    assert "sampler.name: 'tpe' -> 'random'" in text
    assert "data: content d1 -> d2" in text
    assert "base: content b1 -> b2" in text
    assert "Restore what changed, or give the study another name" in text


def test_two_studies_share_a_database(url: str, spec: StudySpec) -> None:
    """And which one is meant must then be said."""
    made(url, spec)
    made(url, replace(spec, name="other"))

    assert load_study(url, "other").study_name == "other"
    with pytest.raises(StorageError, match="--name must name one of the 2 studies: other, small"):
        load_study(url)
    with pytest.raises(StorageError, match="--name must be one of other, small, got 'third'"):
        load_study(url, "third")


def test_a_missing_file_is_not_created_by_looking(tmp_path: object) -> None:
    """Looking at a mistyped path must not leave an empty database behind."""
    url = f"sqlite:///{tmp_path}/typo.db"
    with pytest.raises(StorageError, match=r"--storage must name an existing file, got .*typo\.db"):
        load_study(url)

    assert not list(tmp_path.iterdir())


def test_looking_at_a_database_in_the_making_makes_nothing(tmp_path: Path) -> None:
    """Else the reader's tables would meet the driver's, and the sweep would die of it."""
    path = tmp_path / "new.db"
    with contextlib.closing(sqlite3.connect(path)) as database:
        database.execute("create table studies (study_id integer)")  # Optuna's first, of many
        with pytest.raises(StorageError, match=r"must hold a study.*ask again in a moment"):
            load_study(f"sqlite:///{path}")
        tables = database.execute("select name from sqlite_master").fetchall()

    assert tables == [("studies",)]


def test_status_while_the_sweep_begins_does_it_no_harm(tmp_path: Path, spec: StudySpec) -> None:
    """Someone looks at the database again and again from before it is there."""
    url = f"sqlite:///{tmp_path}/busy.db"
    looking = threading.Event()
    found: list[object] = []

    def look() -> None:
        while not looking.is_set():
            found.append(find_study(url, spec.name))

    reader = threading.Thread(target=look)
    reader.start()
    try:
        made(url, spec)
    finally:
        looking.set()
        reader.join()

    assert found
    assert find_study(url, spec.name) is not None


@pytest.mark.parametrize("wrong", ["study.db", "nosuchdb://x/y"])
def test_a_wrong_url_is_one_clear_error(wrong: str, spec: StudySpec) -> None:
    """Not a SQLAlchemy traceback."""
    with pytest.raises(StorageError, match="--storage must be a database"):
        create_or_resume(wrong, spec, FACTS)


def test_a_text_file_is_no_database(tmp_path: object, spec: StudySpec) -> None:
    """And stays as it was."""
    path = tmp_path / "notes.db"
    path.write_text("these are notes, not a database, " * 40)
    with pytest.raises(StorageError, match="must be a database that opens"):
        create_or_resume(f"sqlite:///{path}", spec, FACTS)

    assert path.read_text().startswith("these are notes")


def test_a_plain_optuna_study_is_refused(url: str, spec: StudySpec) -> None:
    """It holds no spec to compare with."""
    study = optuna.create_study(storage=url, study_name=spec.name)
    study.tell(study.ask(), 1.0)

    with pytest.raises(StorageError, match="must have been made by lorasweep"):
        create_or_resume(url, spec, FACTS)
    with pytest.raises(StorageError, match="must have been made by lorasweep"):
        load_study(url)


def test_a_living_driver_keeps_others_out(url: str, spec: StudySpec) -> None:
    """The message says who holds the study; ``take_over`` overrules."""
    study = made(url, spec)
    sleeper = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        started = psutil.Process(sleeper.pid).create_time()
        other = replace(Owner.myself(), pid=sleeper.pid, started=started, since=time.time())
        study.set_user_attr("owner", other.to_json())
        with pytest.raises(StorageError, match=f"one driver at a time.*process {sleeper.pid} on"):
            claim(study, url)
        claim(study, url, take_over=True)
    finally:
        sleeper.kill()
        sleeper.wait()

    assert Owner.from_json(study.user_attrs["owner"]).same_process(Owner.myself())


def test_a_dead_driver_is_replaced(url: str, spec: StudySpec) -> None:
    """Its process is gone, or its number belongs to a younger process."""
    study = made(url, spec)
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    me = Owner.myself()
    for dead in (replace(me, pid=gone.pid), replace(me, started=me.started - 1000)):
        study.set_user_attr("owner", dead.to_json())
        claim(study, url)

        assert Owner.from_json(study.user_attrs["owner"]).same_process(me)


def test_of_another_machine_nothing_is_known(url: str, spec: StudySpec) -> None:
    """So its driver counts as living."""
    study = made(url, spec)
    study.set_user_attr("owner", replace(Owner.myself(), host="elsewhere").to_json())

    with pytest.raises(StorageError, match="on elsewhere since"):
        claim(study, url)


def test_release_leaves_a_new_owner_alone(url: str, spec: StudySpec) -> None:
    """Whoever took over keeps the study when the old driver ends."""
    study = made(url, spec)
    me = claim(study, url)
    other = replace(me, host="elsewhere")
    study.set_user_attr("owner", other.to_json())
    release(study, me)

    assert study.user_attrs["owner"] == other.to_json()
