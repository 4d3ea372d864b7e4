"""Creates databases that hold no study of lorasweep, or one that must not be changed."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from pathlib import Path

import optuna

from sweep.storage.owner import DriverLease


def _attribute(folder: Path, key: str, value: object) -> None:
    with contextlib.closing(sqlite3.connect(folder / "study.db")) as database:
        query = "update study_user_attributes set value_json = ? where key = ?"
        assert database.execute(query, (json.dumps(value), key)).rowcount == 1
        database.commit()


def of_others(folder: Path) -> None:
    """A SQLite database of another program."""
    with contextlib.closing(sqlite3.connect(folder / "theirs.db")) as database:
        database.execute("create table customers (name text)")
        database.execute("insert into customers values ('Ada')")
        database.commit()


def of_others_with_versions(folder: Path) -> None:
    """The same, with a version table named like Optuna's."""
    with contextlib.closing(sqlite3.connect(folder / "theirs.db")) as database:
        database.execute("create table alembic_version (version_num text)")
        database.execute("insert into alembic_version values ('abc')")
        database.execute("create table users (name text)")
        database.commit()


def zero_bytes(folder: Path) -> None:
    """An empty file."""
    (folder / "empty.db").touch()


def notes(folder: Path) -> None:
    """Text files named like a database and a journal."""
    (folder / "notes.db").write_text("these are notes, no database\n" * 40)
    (folder / "notes.log").write_text("these are notes, no journal\n" * 3)


def cut_short(folder: Path) -> None:
    """The first third of the study's database."""
    data = (folder / "study.db").read_bytes()
    (folder / "study.db").write_bytes(data[: len(data) // 3])


def a_folder(folder: Path) -> None:
    """A folder named like a database."""
    (folder / "folder.db").mkdir()


def as_csv(folder: Path) -> None:
    """The study's database named like a table."""
    (folder / "study.db").rename(folder / "study.csv")


def newer_tables(folder: Path) -> None:
    """Tables of a newer Optuna."""
    with contextlib.closing(sqlite3.connect(folder / "study.db")) as database:
        database.execute("update alembic_version set version_num = 'v9.0.0'")
        database.commit()


def newer_study(folder: Path) -> None:
    """A study of a newer lorasweep."""
    _attribute(folder, "schema", 99)


def damaged_spec(folder: Path) -> None:
    """A spec without most of its fields."""
    _attribute(folder, "spec", {"name": "toy"})


def plain_optuna(folder: Path) -> None:
    """A study made by plain Optuna."""
    made = optuna.create_study(storage=f"sqlite:///{folder}/plain.db", study_name="toy")
    made.tell(made.ask(), 1.0)


def two_studies(folder: Path) -> None:
    """A second study in the same database."""
    optuna.create_study(storage=f"sqlite:///{folder}/study.db", study_name="other")


def driven_here(folder: Path) -> None:
    """A lock of a live driver on this machine: process 1."""
    _attribute(folder, "owner", DriverLease.of(1).to_json())


def driven_elsewhere(folder: Path) -> None:
    """A lock of a driver on another machine."""
    owner = {**DriverLease.of(1).to_json(), "host": "elsewhere", "pid": 77}
    _attribute(folder, "owner", owner)
