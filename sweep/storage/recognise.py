"""Check that a file is what its URL says, before it is opened for writing."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

from sweep.errors import StorageError, fault
from sweep.storage.url import StorageUrl

_SQLITE = b"SQLite format 3\0"
"""The first bytes of an SQLite database."""

_OPERATIONS = range(11)
"""Possible values of ``op_code`` in a record of Optuna's journal."""


def recognise(address: StorageUrl) -> None:
    """Refuse anything but a regular file and, for SQLite, a database; a missing file passes.

    Raises:
        StorageError: if it is a device, a pipe or a socket.
        OSError: if it is a folder, or cannot be read.
        sqlite3.Error: if the file is not an SQLite database, but the URL is one's.
    """
    path = address.path
    if path is None or not path.exists():
        return
    if path.is_dir():
        raise IsADirectoryError("it is a directory")
    if not path.is_file():
        got = "a device, a pipe or a socket"
        raise StorageError(
            fault("--storage", "be a file", got, where=address.shown, way_out="Name another file")
        )
    if address.kind == "sqlite":
        with path.open("rb") as file:
            start = file.read(len(_SQLITE))
        if start and start != _SQLITE:
            raise sqlite3.DatabaseError("file is not a database")


def recognise_journal(address: StorageUrl, path: Path) -> None:
    """Refuse a file that is not a journal of Optuna; its last line may be incomplete.

    Every line is checked, so that no other file that begins like a journal is changed.

    Raises:
        StorageError: naming the first line that is not a record.
        OSError: if it cannot be read.
    """
    if not path.exists() or not path.stat().st_size:
        return
    with path.open("rb") as file:
        other = not file.peek(1).startswith(b"{")  # a large file may be a single line
        for number, line in enumerate([file.read(40)] if other else file, start=1):
            if is_record(line) or (number > 1 and not line.endswith(b"\n")):
                continue
            got = line[:40].decode(errors="replace")
            where, way_out = f"{address.shown}, line {number} is no record", "Name another file"
            if line.startswith(_SQLITE):
                got, where = "a database of SQLite", address.shown
                way_out = "Write sqlite:/// before its path"
            elif number > 1:
                way_out = "Restore a copy, or name another file"
            rule = "be a journal of Optuna's"
            raise StorageError(fault("--storage", rule, got, where=where, way_out=way_out))


def is_record(line: bytes) -> bool:
    """Whether a line is one record of Optuna's journal."""
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        return False
    if not isinstance(record, dict) or not isinstance(record.get("worker_id"), str):
        return False
    code = record.get("op_code")
    return isinstance(code, int) and not isinstance(code, bool) and code in _OPERATIONS
