"""What goes wrong with a database, in one sentence with the way out, and without secrets."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Iterator

import sqlalchemy.exc
from optuna.exceptions import StorageInternalError

from sweep.errors import StorageError, fault
from sweep.storage.address import Address

LOCK_SECONDS = 60
"""How long to wait for SQLite's write lock; Python's default of 5 s is too short for a reader."""


class StorageLostError(StorageError):
    """The database server is away; it may come back."""


@contextlib.contextmanager
def storage_errors(address: Address) -> Iterator[None]:
    """Turn whatever a database throws into one sentence without secrets.

    Raises:
        StorageLostError: if a server cannot be reached now.
        StorageError: for anything else that is wrong with the database.
    """
    try:
        yield
    except StorageError:
        raise
    except (sqlalchemy.exc.SQLAlchemyError, StorageInternalError) as error:
        raise told(address, error) from error
    except (OSError, ImportError, sqlite3.Error, json.JSONDecodeError) as error:
        raise told(address, error) from error


def told(address: Address, error: BaseException) -> StorageError:
    """Whatever a database threw, as the error that people see."""
    root: BaseException = error
    while root.__cause__ is not None:
        root = root.__cause__
    text = address.redact(str(root)) or type(root).__name__
    said = text.splitlines()[0].strip()
    lost = address.kind == "postgresql" and _is_connection(error)
    kind = StorageLostError if lost else StorageError
    rule, way_out = _advice(address, said)
    return kind(fault("--storage", rule, address.shown, where=said, way_out=way_out))


def _is_connection(error: BaseException | None) -> bool:
    """Whether an error, or one it came from, is about the connection to a server."""
    while error is not None:
        if isinstance(error, (sqlalchemy.exc.OperationalError, sqlalchemy.exc.InterfaceError)):
            return True
        if isinstance(error, sqlalchemy.exc.DBAPIError) and error.connection_invalidated:
            return True
        error = error.__cause__
    return False


def _advice(address: Address, said: str) -> tuple[str, str]:
    """The rule that was broken and the way out, by what the database said."""
    lower = said.lower()
    for words, rule, way_out in (
        (
            ("disk is full", "no space left", "disk quota"),
            "be on a disk with room",
            "Free some space and give the same command again; every completed trial is kept",
        ),
        (
            ("readonly", "read-only", "permission denied", "unable to open", "is a directory"),
            "be a file that can be written",
            "Check the path, its folder and your rights to it",
        ),
        (
            ("disk i/o error", "input/output error"),
            "be on a disk that works",
            "Look after the disk, then give the same command again; every completed trial is kept",
        ),
        (
            ("malformed", "not a database", "file is encrypted"),
            "be a whole SQLite database",
            "Restore a copy; 'sqlite3 FILE .recover' saves what can be read of a damaged one",
        ),
        (
            ("is locked",),
            f"be free for writing within {LOCK_SECONDS} s",
            "Close the program that holds it, then give the same command again",
        ),
        (
            ("invalid log format", "expecting", "delimiter", "extra data", "control character"),
            "be a whole journal of Optuna",
            "Restore a copy",
        ),
        (
            ("no module named", "failed to import"),
            "have its driver installed",
            "pip install 'lorasweep[postgres]'",
        ),
        (
            ("password", "authentication", "role ", "does not exist"),
            "let you in",
            "Check user, password and database name",
        ),
    ):
        if any(word in lower for word in words):
            return rule, way_out
    way_out = "Check the server and the URL" if address.path is None else "Check the path"
    return "be a database that opens", way_out
