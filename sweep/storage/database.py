"""Open a database, for readers or for a driver, which also locks it and enables SQLite's WAL."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import filelock
import optuna
import psutil
import sqlalchemy
from optuna.storages import BaseStorage
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import OperationalError

from sweep.errors import StorageError, fault
from sweep.storage.errors import LOCK_SECONDS, as_storage_error, storage_errors
from sweep.storage.journal import SQLITE, Journal, recognise_journal
from sweep.storage.reads import Backend, Database, JournalFile
from sweep.storage.url import StorageUrl

_CONNECT_SECONDS = 10

_TOO_MANY = "too many SQL variables"
"""SQLite's error for a query that Optuna then asks in another way."""

_MARKS = ("studies", "trials", "version_info", "alembic_version")
"""Tables that identify a database as Optuna's."""


def exists(address: StorageUrl) -> bool:
    """Whether a database exists and Optuna has finished creating its tables.

    Opening a database creates missing tables. A reader that did so while the driver creates them
    would make the driver fail with "table already exists".

    Raises:
        StorageError: if it is another program's database, or cannot be opened.
    """
    if address.path is not None:
        with storage_errors(address):  # such as a name too long for the disk
            _refuse_other_files(address)
            if not address.path.is_file():
                return False
    if address.kind == "journal":
        return address.path is not None and address.path.stat().st_size > 0
    with storage_errors(address), _connection(address) as connection:
        tables = set(sqlalchemy.inspect(connection).get_table_names())
        _refuse_foreign(address, tables)
        if "alembic_version" not in tables:
            return False
        # Optuna writes its one row last.
        return bool(connection.scalar(sqlalchemy.text("select count(*) from alembic_version")))


def _refuse_other_files(address: StorageUrl) -> None:
    """Refuse anything but a regular file and, for SQLite, a database; a missing file passes."""
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
            start = file.read(len(SQLITE))
        if start and start != SQLITE:
            raise sqlite3.DatabaseError("file is not a database")


def _refuse_foreign(address: StorageUrl, tables: set[str]) -> None:
    # A server's may hold other tables beside Optuna's, but not that of Optuna's schema version.
    theirs = "alembic_version" in tables if address.kind == "postgresql" else bool(tables)
    if theirs and "studies" not in tables:
        named = ", ".join(sorted(tables - set(_MARKS))[:5]) or ", ".join(sorted(tables))
        rule, where = "be a database of Optuna's or an empty one", f"it has the tables {named}"
        way_out = "Name another file" if address.path else "Name another database"
        raise StorageError(fault("--storage", rule, address.shown, where=where, way_out=way_out))


@contextlib.contextmanager
def _connection(address: StorageUrl) -> Iterator[sqlalchemy.Connection]:
    engine = sqlalchemy.create_engine(address.url, **_passing_options(address))
    with contextlib.closing(engine.connect()) as connection:
        yield connection


def _engine_options(address: StorageUrl) -> dict[str, Any]:
    if address.kind == "sqlite":
        return {"connect_args": {"timeout": LOCK_SECONDS}}
    timed = "connect_timeout" in sqlalchemy.engine.make_url(address.url).query
    return {
        "pool_pre_ping": True,  # detects a connection that the server dropped, before its use
        "connect_args": {} if timed else {"connect_timeout": _CONNECT_SECONDS},
        "pool_events": [(_bound_waits, "connect")],
    }


def _bound_waits(connection: Any, _: object) -> None:
    """Have the server release locks of a driver that was stopped within a transaction."""
    with connection.cursor() as cursor:
        for name in ("lock_timeout", "idle_in_transaction_session_timeout"):
            cursor.execute(f"set {name} = '{LOCK_SECONDS}s'")
    connection.commit()


def _refusing(address: StorageUrl) -> Callable[[ExceptionContext], StorageError | None]:
    """An engine's error handler that stops Optuna from retrying after an error.

    Optuna takes any such error for a query with too many variables, and sends another in the same
    transaction, which a server refuses because the transaction has failed.
    """

    def handle_error(context: ExceptionContext) -> StorageError | None:
        error = context.sqlalchemy_exception
        if not isinstance(error, OperationalError) or context.is_pre_ping:
            return None
        return None if _TOO_MANY in str(error.orig) else as_storage_error(address, error)

    return handle_error


def _passing_options(address: StorageUrl) -> dict[str, Any]:
    """Engine options for readers: connections are closed after each use."""
    options = {**_engine_options(address), "poolclass": sqlalchemy.NullPool}
    options.pop("pool_pre_ping", None)
    return options


def open_storage(address: StorageUrl, *, make: bool) -> BaseStorage:
    """Open a database.

    Args:
        address: the database.
        make: whether to create missing tables; only for a driver that holds ``storage_lock``.

    Raises:
        StorageError: if it cannot be opened.
    """
    if make and address.path is not None:
        with storage_errors(address):
            address.path.parent.mkdir(parents=True, exist_ok=True)
    with storage_errors(address):
        if address.kind == "journal" and address.path is not None:
            recognise_journal(address, address.path)
            journal = Journal(address.path)
            if make:
                journal.mend(address.shown)
            return JournalFile(journal, address)
        try:
            options = _engine_options(address) if make else _passing_options(address)
            # Optuna uses the URL as a template, in which braces must be doubled.
            url = address.url.replace("{", "{{").replace("}", "}}")
            backend = Backend(url, engine_kwargs=options, skip_table_creation=not make)
            sqlalchemy.event.listen(backend.engine, "handle_error", _refusing(address))
            return Database(backend, address)
        except RuntimeError as error:  # raised by Optuna for another schema version
            rule = f"have the database schema of Optuna {optuna.__version__}"
            said = " ".join(str(error).split())
            raise StorageError(fault("--storage", rule, address.shown, where=said)) from error


_LOCK_KEY = int.from_bytes(b"lorswp")
"""The key of lorasweep's advisory lock in a PostgreSQL database."""


@contextlib.contextmanager
def storage_lock(address: StorageUrl) -> Iterator[None]:
    """Hold the database's lock, so that two processes do not both create tables or take a study.

    It is released if this process dies.

    Raises:
        StorageError: if the lock cannot be acquired.
    """
    lock = _server_lock(address) if address.path is None else _file_lock(address, address.path)
    with lock:
        yield


@contextlib.contextmanager
def _file_lock(address: StorageUrl, path: Path) -> Iterator[None]:
    with storage_errors(address):
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = filelock.FileLock(path.with_name(f".{path.name}.claim"), timeout=LOCK_SECONDS)
        try:
            lock.acquire()
        except filelock.Timeout as error:
            raise _held(address) from error
    try:
        yield
    finally:
        lock.release()


@contextlib.contextmanager
def _server_lock(address: StorageUrl) -> Iterator[None]:
    with contextlib.ExitStack() as stack:
        with storage_errors(address):
            connection = stack.enter_context(_connection(address))
            try:
                asked = sqlalchemy.text("select pg_advisory_lock(:key)")
                connection.execute(asked, {"key": _LOCK_KEY})
                connection.commit()  # the lock belongs to the session, not to the transaction
            except OperationalError as error:
                if "lock timeout" in str(error):
                    raise _held(address) from error
                raise
        yield


def _held(address: StorageUrl) -> StorageError:
    rule = f"be free for a new driver within {LOCK_SECONDS} s"
    way_out = "Another process is making or taking a study there; try again"
    return StorageError(fault("--storage", rule, address.shown, way_out=way_out))


_LOCAL = frozenset(
    """apfs bcachefs btrfs ext2 ext3 ext4 f2fs hfs jfs ntfs overlay reiserfs tmpfs xfs
    zfs""".split()  # noqa: SIM905 - a list of names reads better without quotes
)
"""Local file systems; WAL needs memory shared by all readers, which network file systems lack."""


def enable_wal(address: StorageUrl) -> None:
    """Enable WAL on local file systems, so that readers and the driver do not block each other."""
    path = address.path
    if address.kind != "sqlite" or path is None or _file_system(path) not in _LOCAL:
        return
    if _pragma(path, "journal_mode") != "wal":
        _mark(path).touch()
        _pragma(path, "journal_mode=WAL")


def disable_wal(address: StorageUrl) -> None:
    """Merge the write-ahead log into the database, unless it had one before a driver opened it."""
    path = address.path
    if address.kind != "sqlite" or path is None or not _mark(path).exists():
        return
    if _pragma(path, "journal_mode=DELETE") == "delete":
        _mark(path).unlink(missing_ok=True)


def _mark(path: Path) -> Path:
    """An empty file that records that a driver enabled WAL; it persists if the driver is killed."""
    return path.with_name(f".{path.name}.wal.claim")


def _pragma(path: Path, text: str) -> str:
    """Run a pragma; the resulting mode, or empty if the database is busy, since WAL is optional."""
    try:
        with contextlib.closing(sqlite3.connect(path, timeout=1.0)) as connection:
            return str(connection.execute(f"pragma {text}").fetchone()[0])
    except sqlite3.Error:
        return ""


def _file_system(path: Path) -> str:
    """The type of a file's file system; empty if unknown."""
    resolved = path.resolve()
    best = ("", "")
    for partition in psutil.disk_partitions(all=True):
        point = Path(partition.mountpoint)
        if resolved.is_relative_to(point) and len(str(point)) >= len(best[0]):
            best = (str(point), partition.fstype.lower())
    return best[1]
