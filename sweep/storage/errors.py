"""Errors of a database as one sentence with advice, and retries while it is unreachable."""

from __future__ import annotations

import contextlib
import errno
import json
import logging
import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from typing import TypeVar

import sqlalchemy.exc
from optuna.exceptions import StorageInternalError

from sweep.errors import StorageError, SweepError, fault
from sweep.storage.url import StorageUrl

NOT_FOUND_MSG = "Record does not exist."
"""Optuna's message, in a KeyError, for a missing study or trial."""

LOCK_SECONDS = 60
"""How long to wait for SQLite's write lock; Python's default of 5 s is too short."""


_OF_DATABASES = (
    *(sqlalchemy.exc.SQLAlchemyError, StorageInternalError, sqlite3.Error),
    *(OSError, ImportError, json.JSONDecodeError),
)


class StorageLostError(StorageError):
    """The database server is unreachable; it may come back."""


class StudyGoneError(StorageError, KeyError):
    """The study, or one of its trials, is no longer in the database.

    Also a ``KeyError``, which is what callers of Optuna's storages catch.
    """

    __str__ = Exception.__str__  # KeyError would quote the message


@contextlib.contextmanager
def storage_errors(address: StorageUrl) -> Iterator[None]:
    """Turn any error of a database into one sentence without passwords.

    Raises:
        StorageLostError: if a server cannot be reached now.
        StorageError: for any other error of the database.
    """
    try:
        yield
    except StorageError:
        raise
    except _OF_DATABASES as error:
        raise as_storage_error(address, error) from error
    except KeyError as error:
        if error.args != (NOT_FOUND_MSG,):
            raise
        rule, way_out = "still hold the study", "It was deleted there; look at its other studies"
        got = address.shown
        raise StudyGoneError(fault("--storage", rule, got, way_out=way_out)) from error


@contextlib.contextmanager
def reading_errors(address: StorageUrl) -> Iterator[None]:
    """Turn errors from reading damaged rows, of whatever type, into one sentence.

    Only for code that reads: elsewhere it would hide programming errors.

    Raises:
        StorageError: in place of the original exception.
    """
    try:
        with storage_errors(address):
            yield
    except SweepError:
        raise
    except (LookupError, TypeError, ValueError, AttributeError, AssertionError) as error:
        said = " ".join(str(error).split()) or type(error).__name__
        rule, way_out = "hold a study that can be read", "It is damaged; restore a copy"
        where = address.redact(said)
        text = fault("--storage", rule, address.shown, where=where, way_out=way_out)
        raise StorageError(text) from error


def as_storage_error(address: StorageUrl, error: BaseException) -> StorageError:
    """Any exception from a database as the error that users see."""
    root: BaseException = error
    while (below := root.__cause__ or getattr(root, "orig", None)) is not None:
        root = below
    if _no_files_left(root):
        root = OSError(errno.EMFILE, os.strerror(errno.EMFILE))
    text = address.redact(str(root)) or type(root).__name__
    said = text.splitlines()[0].strip()
    lost = address.kind == "postgresql" and _is_connection(error)
    kind = StorageLostError if lost else StorageError
    rule, way_out = _advice(address, said)
    return kind(fault("--storage", rule, address.shown, where=said, way_out=way_out))


def _no_files_left(error: BaseException) -> bool:
    """Whether the cause is the limit of open files; SQLite only reports "unable to open"."""
    if isinstance(error, OSError) and error.errno is not None:
        return error.errno in (errno.EMFILE, errno.ENFILE)
    if "unable to open" not in str(error):
        return False
    try:
        os.close(os.open(os.devnull, os.O_RDONLY))
    except OSError as tried:
        return tried.errno in (errno.EMFILE, errno.ENFILE)
    return False


_DISK_FULL = "53100"
"""PostgreSQL's code for a full disk: an ``OperationalError`` for which waiting does not help."""


def _is_connection(error: BaseException | None) -> bool:
    """Whether an error, or one of its causes, is about the connection to a server."""
    while error is not None:
        if getattr(getattr(error, "orig", None), "sqlstate", None) == _DISK_FULL:
            return False
        if isinstance(error, (sqlalchemy.exc.OperationalError, sqlalchemy.exc.InterfaceError)):
            return True
        if isinstance(error, sqlalchemy.exc.DBAPIError) and error.connection_invalidated:
            return True
        error = error.__cause__
    return False


_KEPT = "every completed trial is kept"

_Advice = tuple[tuple[str, ...], str, str]

_OF_FILES: tuple[_Advice, ...] = (
    (
        ("readonly", "read-only", "permission denied", "unable to open", "is a directory"),
        "be a file that can be written",
        "Check the path, its folder and your rights to it",
    ),
)
_OF_SERVERS: tuple[_Advice, ...] = (
    (
        ("read-only", "readonly", "during recovery", "recovery is in progress"),
        "be a server that can be written",
        "It is a standby, or set to be read only: name the primary server",
    ),
    (
        ("starting up", "shutting down", "recovery mode", "not yet accepting", "with recovery"),
        "be a database that opens",
        "The server starts, ends or catches up: give the same command again in a moment",
    ),
    (
        ("permission denied",),
        "let you write",
        "Ask its owner for the rights to make and change tables there",
    ),
    (
        ("password", "authentication", "role ", "does not exist"),
        "let you in",
        "Check user, password and database name",
    ),
)


def _advice(address: StorageUrl, said: str) -> tuple[str, str]:
    lower = said.lower()
    own = _OF_SERVERS if address.path is None else _OF_FILES
    for words, rule, way_out in (
        *own,
        (
            ("disk is full", "no space left", "disk quota"),
            "be on a disk with room",
            f"Free some space and give the same command again; {_KEPT}",
        ),
        (
            ("disk i/o error", "input/output error"),
            "be on a disk that works",
            f"See whether it is broken or full, then give the same command again; {_KEPT}",
        ),
        (
            ("malformed", "not a database", "file is encrypted"),
            "be a whole SQLite database",
            "Restore a copy; 'sqlite3 FILE .recover' saves what can be read of a damaged one",
        ),
        (
            ("is locked", "lock timeout", "could not be acquired"),
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
            ("too many open files", "too many connections", "too many clients"),
            "be opened within the limits of the system",
            "Close what holds files or connections open, or raise the limit (ulimit -n)",
        ),
    ):
        if any(word in lower for word in words):
            return rule, way_out
    way_out = "Check the server and the URL" if address.path is None else "Check the path"
    return "be a database that opens", way_out


log = logging.getLogger("lorasweep")

LOST_SECONDS = 600
"""How long to wait for an unreachable server; running trials continue meanwhile."""

T = TypeVar("T")


def retry_while_unreachable(
    act: Callable[[], T], check: Callable[[], None], again: Callable[[], object] | None = None
) -> T:
    """Run a database operation; while the server is unreachable, wait and repeat it.

    Args:
        act: the operation; must be safe to repeat if it succeeded and only the answer was lost.
        check: called between attempts; may raise to give up.
        again: called before each repetition, to make it safe.

    Returns:
        What ``act`` returns.

    Raises:
        StorageError: if the server stays unreachable, or the database reports another error.
    """
    deadline = time.monotonic() + LOST_SECONDS
    tries = 0
    while True:
        try:
            if tries and again is not None:
                again()
            return act()
        except StorageLostError as error:
            if time.monotonic() > deadline:
                raise
            if not tries:
                log.warning("waiting for the database: %s", error)
            tries += 1
            check()
            time.sleep(min(2.0, 0.1 * 2**tries))
