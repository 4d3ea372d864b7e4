"""Databases that are no study's, or whose study must not be touched, made in a case's folder."""

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
    """Another program's database."""
    with contextlib.closing(sqlite3.connect(folder / "theirs.db")) as database:
        database.execute("create table customers (name text)")
        database.execute("insert into customers values ('Ada')")
        database.commit()


def of_others_with_versions(folder: Path) -> None:
    """The same, with versions kept where Optuna would."""
    with contextlib.closing(sqlite3.connect(folder / "theirs.db")) as database:
        database.execute("create table alembic_version (version_num text)")
        database.execute("insert into alembic_version values ('abc')")
        database.execute("create table users (name text)")
        database.commit()


def zero_bytes(folder: Path) -> None:
    """A file of nothing."""
    (folder / "empty.db").touch()


def notes(folder: Path) -> None:
    """Text by the names of a database and a journal."""
    (folder / "notes.db").write_text("these are notes, no database\n" * 40)
    (folder / "notes.log").write_text("these are notes, no journal\n" * 3)


def cut_short(folder: Path) -> None:
    """A third of the study's database."""
    data = (folder / "study.db").read_bytes()
    (folder / "study.db").write_bytes(data[: len(data) // 3])


def a_folder(folder: Path) -> None:
    """A folder by the name of a database."""
    (folder / "folder.db").mkdir()


def as_csv(folder: Path) -> None:
    """The study's database by the name of a table."""
    (folder / "study.db").rename(folder / "study.csv")


def newer_tables(folder: Path) -> None:
    """Tables of an Optuna to come."""
    with contextlib.closing(sqlite3.connect(folder / "study.db")) as database:
        database.execute("update alembic_version set version_num = 'v9.0.0'")
        database.commit()


def newer_study(folder: Path) -> None:
    """A study of a lorasweep to come."""
    _attribute(folder, "schema", 99)


def damaged_spec(folder: Path) -> None:
    """A spec that lacks most fields."""
    _attribute(folder, "spec", {"name": "toy"})


def plain_optuna(folder: Path) -> None:
    """A study that lorasweep did not make."""
    made = optuna.create_study(storage=f"sqlite:///{folder}/plain.db", study_name="toy")
    made.tell(made.ask(), 1.0)


def two_studies(folder: Path) -> None:
    """A second study beside the first."""
    optuna.create_study(storage=f"sqlite:///{folder}/study.db", study_name="other")


def driven_here(folder: Path) -> None:
    """A driver that is alive: the first process of all."""
    _attribute(folder, "owner", DriverLease.of(1).to_json())


def driven_elsewhere(folder: Path) -> None:
    """A driver on a machine of which nothing is known."""
    owner = {**DriverLease.of(1).to_json(), "host": "elsewhere", "pid": 77}
    _attribute(folder, "owner", owner)
