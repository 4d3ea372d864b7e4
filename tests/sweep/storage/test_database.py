import contextlib
import sqlite3
from pathlib import Path

import optuna
import pytest

from sweep import StudySpec
from sweep.driver.run_study import driven
from sweep.errors import StorageError
from sweep.storage.database import enable_wal, exists, open_storage
from sweep.storage.studies import create_or_resume, load_study, write_spec
from sweep.storage.url import StorageUrl
from sweep.study.objective import ObjectiveInfo


def journal_mode(address: StorageUrl) -> str:
    """SQLite's journal mode."""
    with contextlib.closing(sqlite3.connect(str(address.path))) as connection:
        return str(connection.execute("pragma journal_mode").fetchone()[0])


def test_a_driver_uses_wal_and_leaves_one_file(
    address: StorageUrl, spec: StudySpec, tmp_path: Path
) -> None:
    """Readers do not wait for it; afterwards the database is a single file."""
    with driven(spec, address, ObjectiveInfo(), take_over=False) as (study, _):
        assert journal_mode(address) == "wal"
        study.enqueue_trial({"rank": 2})
        assert (tmp_path / "study.db-wal").exists()

    assert journal_mode(address) == "delete"
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith("study")] == ["study.db"]
    assert len(load_study(address).trials) == 1


def test_a_database_in_wal_mode_stays_so(address: StorageUrl, spec: StudySpec) -> None:
    """Its owner set that mode; only our own change is undone."""
    create_or_resume(address, spec, ObjectiveInfo())
    with contextlib.closing(sqlite3.connect(str(address.path))) as connection:
        connection.execute("pragma journal_mode=WAL")
    for _ in range(2):
        with driven(spec, address, ObjectiveInfo(), take_over=False):
            assert journal_mode(address) == "wal"

    assert journal_mode(address) == "wal"


def test_a_killed_driver_s_mode_is_restored_by_the_next(
    address: StorageUrl, spec: StudySpec
) -> None:
    """Which finds the mode as the other left it."""
    create_or_resume(address, spec, ObjectiveInfo())
    enable_wal(address)
    with driven(spec, address, ObjectiveInfo(), take_over=False):
        assert journal_mode(address) == "wal"

    assert journal_mode(address) == "delete"


def test_the_last_of_two_drivers_restores_the_mode(address: StorageUrl, spec: StudySpec) -> None:
    """Of two studies in one database; the first one that ends cannot."""
    other = spec.with_changes(name="other")
    with driven(spec, address, ObjectiveInfo(), take_over=False) as (first, _):
        first.enqueue_trial({"rank": 2})
        with driven(other, address, ObjectiveInfo(), take_over=False) as (second, _):
            second.enqueue_trial({"rank": 2})
        assert journal_mode(address) == "wal"

    assert journal_mode(address) == "delete"


def test_wal_is_not_used_on_a_network_file_system(
    address: StorageUrl, spec: StudySpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its index is shared memory, which two machines do not share."""
    monkeypatch.setattr("sweep.storage.database._file_system", lambda _: "nfs4")
    with driven(spec, address, ObjectiveInfo(), take_over=False):
        assert journal_mode(address) == "delete"


def test_another_programs_database_is_unchanged(tmp_path: Path, spec: StudySpec) -> None:
    """Byte for byte; the message names the tables."""
    path = tmp_path / "shop.db"
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("create table orders (id integer)")
        connection.commit()
    before = path.read_bytes()
    for act in (load_study, lambda address: create_or_resume(address, spec, ObjectiveInfo())):
        with pytest.raises(StorageError, match=r"must be a database of Optuna's.*tables orders"):
            act(StorageUrl.parse(f"sqlite:///{path}"))

    assert path.read_bytes() == before


def test_a_truncated_database_is_reported_as_damaged(address: StorageUrl, spec: StudySpec) -> None:
    """With a remedy; and it is not changed."""
    study = create_or_resume(address, spec, ObjectiveInfo())
    write_spec(study, spec, ObjectiveInfo())
    for _ in range(40):
        study.enqueue_trial({"rank": 2})
    assert address.path is not None
    whole = address.path.read_bytes()
    address.path.write_bytes(whole[: len(whole) // 3])
    cut = address.path.read_bytes()
    for act in (load_study, lambda address: create_or_resume(address, spec, ObjectiveInfo())):
        with pytest.raises(StorageError, match=r"must be a whole SQLite database.*\.recover"):
            act(address)

    assert address.path.read_bytes() == cut


def test_a_schema_of_another_optuna_is_refused(address: StorageUrl, spec: StudySpec) -> None:
    """Optuna's own message is the reason."""
    write_spec(create_or_resume(address, spec, ObjectiveInfo()), spec, ObjectiveInfo())
    with contextlib.closing(sqlite3.connect(str(address.path))) as connection:
        connection.execute("update alembic_version set version_num = 'v9.9.0.a'")
        connection.commit()
    with pytest.raises(StorageError, match="must have the database schema of Optuna"):
        load_study(address)


def test_attributes_of_a_newer_lorasweep_are_refused(address: StorageUrl, spec: StudySpec) -> None:
    """They may have another meaning there."""
    study = create_or_resume(address, spec, ObjectiveInfo())
    write_spec(study, spec, ObjectiveInfo())
    study.set_user_attr("schema", 99)
    for act in (load_study, lambda address: create_or_resume(address, spec, ObjectiveInfo())):
        with pytest.raises(StorageError, match=r"got 99 .*Upgrade lorasweep"):
            act(address)


def test_a_journal_holds_a_study(tmp_path: Path, spec: StudySpec) -> None:
    """By its URL, like any other storage; reading creates no file."""
    address = StorageUrl.parse(f"journal:///{tmp_path}/s.log")
    with pytest.raises(StorageError, match="must name an existing file"):
        load_study(address)
    assert not list(tmp_path.iterdir())
    write_spec(create_or_resume(address, spec, ObjectiveInfo()), spec, ObjectiveInfo())

    assert load_study(address).user_attrs["spec_digest"] == spec.digest()


def test_a_partial_line_at_a_journals_end_is_cut_off(
    tmp_path: Path, spec: StudySpec, caplog: pytest.LogCaptureFixture
) -> None:
    """Otherwise Optuna would refuse the file after another line."""
    address = StorageUrl.parse(f"journal:///{tmp_path}/s.log")
    study = create_or_resume(address, spec, ObjectiveInfo())
    write_spec(study, spec, ObjectiveInfo())
    study.enqueue_trial({"rank": 2})
    assert address.path is not None
    whole = address.path.read_bytes()
    address.path.write_bytes(whole + b'{"op_code":4,"wor')
    again = create_or_resume(address, spec, ObjectiveInfo())
    again.enqueue_trial({"rank": 4})

    assert "ended in half a line" in caplog.text
    assert len(load_study(address).trials) == 2
    assert address.path.read_bytes().startswith(whole)


def test_a_text_file_is_no_journal(tmp_path: Path, spec: StudySpec) -> None:
    """And is unchanged."""
    path = tmp_path / "notes.log"
    path.write_text("these are notes")
    with pytest.raises(StorageError, match="must be a journal of Optuna's"):
        create_or_resume(StorageUrl.parse(f"journal:///{path}"), spec, ObjectiveInfo())

    assert path.read_text() == "these are notes"


def test_a_reader_creates_no_tables(tmp_path: Path) -> None:
    """An empty file stays empty."""
    path = tmp_path / "empty.db"
    path.touch()
    address = StorageUrl.parse(f"sqlite:///{path}")

    assert not exists(address)
    with pytest.raises(StorageError, match="must hold a study"):
        load_study(address)
    assert path.stat().st_size == 0


def test_a_study_without_spec_and_trials_is_created_again(
    address: StorageUrl, spec: StudySpec
) -> None:
    """Its creator died early; Optuna would keep the first direction forever."""
    storage = open_storage(address, make=True)
    optuna.create_study(study_name=spec.name, storage=storage, direction="minimize")
    study = create_or_resume(address, spec, ObjectiveInfo())

    assert study.direction.name == "MAXIMIZE"
