"""Opening the database itself: engines, journals, and what goes wrong with them, in words."""

from __future__ import annotations

import contextlib
import logging
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import optuna
import psutil
import sqlalchemy
import sqlalchemy.exc
from optuna.exceptions import StorageInternalError
from optuna.storages import BaseStorage, JournalStorage, RDBStorage
from optuna.storages.journal import JournalFileBackend

from sweep.errors import StorageError, fault
from sweep.storage.address import Address

log = logging.getLogger("lorasweep")

LOCK_SECONDS = 60
"""How long to wait for SQLite's write lock; Python's default of 5 s is too short for a reader."""

_CONNECT_SECONDS = 10

_LOCAL = frozenset(
    """apfs bcachefs btrfs ext2 ext3 ext4 f2fs hfs jfs ntfs overlay reiserfs tmpfs xfs
    zfs""".split()  # noqa: SIM905 - a list of names reads better without quotes
)
"""File systems of one machine; SQLite's write-ahead log needs memory that all readers share."""

_MARKS = ("studies", "trials", "version_info", "alembic_version")
"""Tables of Optuna's that tell its databases from other programs'."""


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
        raise _told(address, error) from error
    except (OSError, ImportError, sqlite3.Error) as error:
        raise _told(address, error) from error


def _told(address: Address, error: BaseException) -> StorageError:
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
            ("invalid log format", "expecting", "delimiter", "extra data"),
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


def exists(address: Address) -> bool:
    """Whether Optuna has finished making its tables there.

    Opening a database makes what is missing. Whoever looks at one in the moment it is made
    would race its maker, whose sweep then dies of "table already exists".

    Raises:
        StorageError: if it is a database of something else, or cannot be opened.
    """
    if address.path is not None and not address.path.is_file():
        if address.path.is_dir():
            raise _told(address, IsADirectoryError("it is a directory"))
        return False
    if address.kind == "journal":
        return address.path is not None and address.path.stat().st_size > 0
    with storage_errors(address), _connection(address) as connection:
        tables = set(sqlalchemy.inspect(connection).get_table_names())
        _refuse_foreign(address, tables)
        if "alembic_version" not in tables:
            return False
        # Its one row is the last thing that Optuna writes.
        return bool(connection.scalar(sqlalchemy.text("select count(*) from alembic_version")))


def _refuse_foreign(address: Address, tables: set[str]) -> None:
    """Leave another program's database as it is.

    A server's database may hold others' tables beside ours, unless they keep their own
    versions where Optuna would.
    """
    theirs = "alembic_version" in tables if address.kind == "postgresql" else bool(tables)
    if theirs and "studies" not in tables:
        named = ", ".join(sorted(tables - set(_MARKS))[:5]) or ", ".join(sorted(tables))
        raise StorageError(
            fault(
                "--storage",
                "be a database of Optuna's or an empty one",
                address.shown,
                where=f"it has the tables {named}",
                way_out="Name another file" if address.path else "Name another database",
            )
        )


@contextlib.contextmanager
def _connection(address: Address) -> Iterator[sqlalchemy.Connection]:
    engine = sqlalchemy.create_engine(address.url, **_passing_options(address))
    with contextlib.closing(engine.connect()) as connection:
        yield connection


def _engine_options(address: Address) -> dict[str, Any]:
    if address.kind == "sqlite":
        return {"connect_args": {"timeout": LOCK_SECONDS}}
    # A connection that the server dropped is noticed before it is used.
    return {"pool_pre_ping": True, "connect_args": {"connect_timeout": _CONNECT_SECONDS}}


def _passing_options(address: Address) -> dict[str, Any]:
    """For a look: connections are closed after each use, none is left to be forgotten."""
    options = {**_engine_options(address), "poolclass": sqlalchemy.NullPool}
    options.pop("pool_pre_ping", None)
    return options


def open_storage(address: Address, *, make: bool) -> BaseStorage:
    """Open a database.

    Args:
        address: where.
        make: whether to make what is missing; only a driver does, under ``exclusive``.

    Raises:
        StorageError: if it cannot be opened.
    """
    if make and address.path is not None:
        with storage_errors(address):
            address.path.parent.mkdir(parents=True, exist_ok=True)
    with storage_errors(address):
        if address.kind == "journal":
            if make:
                _mend_journal(address)
            return JournalStorage(JournalFileBackend(str(address.path)))
        try:
            options = _engine_options(address) if make else _passing_options(address)
            return RDBStorage(address.url, engine_kwargs=options, skip_table_creation=not make)
        except RuntimeError as error:  # Optuna's word on a schema of another version
            rule = f"have the database schema of Optuna {optuna.__version__}"
            said = " ".join(str(error).split())
            raise StorageError(fault("--storage", rule, address.shown, where=said)) from error


def _mend_journal(address: Address) -> None:
    """Cut off a last line that a full disk or a crash left half-written.

    Optuna skips such a line until another follows it, and refuses the whole file then.
    """
    path = address.path
    if path is None or not path.is_file() or not path.stat().st_size:
        return
    with path.open("rb+") as file:
        data = file.read()
        whole = data.rfind(b"\n") + 1
        if whole == 0:
            raise StorageError(
                fault(
                    "--storage",
                    "be a journal of Optuna's",
                    address.shown,
                    where="it has no complete line",
                    way_out="Name another file",
                )
            )
        if whole < len(data):
            file.truncate(whole)
            log.warning("%s ended in half a line, which is gone", address.shown)


def write_ahead(address: Address) -> None:
    """Let readers and the driver not wait for each other, where that is safe.

    SQLite's write-ahead log is a second file beside the first until the driver lets go.
    It is not for network file systems, where a rollback journal stays.
    """
    if address.kind == "sqlite" and address.path and _file_system(address.path) in _LOCAL:
        _pragma(address, "journal_mode=WAL")


def one_file(address: Address) -> None:
    """Fold the write-ahead log back, so that the study is one plain file again."""
    if address.kind == "sqlite":
        _pragma(address, "journal_mode=DELETE")


def _pragma(address: Address, text: str) -> None:
    """Set it if nobody is in the way; it is a matter of comfort."""
    with contextlib.suppress(sqlite3.Error):
        connection = sqlite3.connect(str(address.path), timeout=1.0)
        with contextlib.closing(connection):
            connection.execute(f"pragma {text}").fetchall()


def _file_system(path: Path) -> str:
    """The type of the file system that a file lies on; empty where it is not known."""
    resolved = path.resolve()
    best = ("", "")
    for partition in psutil.disk_partitions(all=True):
        point = Path(partition.mountpoint)
        if resolved.is_relative_to(point) and len(str(point)) >= len(best[0]):
            best = (str(point), partition.fstype.lower())
    return best[1]
