"""A lock for creating tables and acquiring a study, so that two processes do not race."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import filelock
import sqlalchemy

from sweep.errors import StorageError, fault
from sweep.storage.database import connect_arguments
from sweep.storage.errors import storage_errors
from sweep.storage.url import StorageUrl

WAIT_SECONDS = 60
"""How long to wait for the lock; creating tables takes a second or two."""

_KEY = int.from_bytes(b"lorswp")
"""The key of lorasweep's advisory lock in a PostgreSQL database."""


@contextlib.contextmanager
def storage_lock(address: StorageUrl) -> Iterator[None]:
    """Hold the database's lock; it is released if this process dies.

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
        lock = filelock.FileLock(path.with_name(f".{path.name}.claim"), timeout=WAIT_SECONDS)
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
    with storage_errors(address):
        engine = sqlalchemy.create_engine(
            address.url, poolclass=sqlalchemy.NullPool, connect_args=connect_arguments(address)
        )
        connection = engine.connect()
    with contextlib.closing(connection):
        with storage_errors(address):
            try:
                connection.execute(sqlalchemy.text(f"set lock_timeout = '{WAIT_SECONDS}s'"))
                connection.execute(sqlalchemy.text("select pg_advisory_lock(:key)"), {"key": _KEY})
                connection.commit()  # the lock belongs to the session, not to the transaction
            except sqlalchemy.exc.OperationalError as error:
                if "lock timeout" in str(error):
                    raise _held(address) from error
                raise
        yield


def _held(address: StorageUrl) -> StorageError:
    rule = f"be free for a new driver within {WAIT_SECONDS} s"
    way_out = "Another process is making or taking a study there; try again"
    return StorageError(fault("--storage", rule, address.shown, way_out=way_out))
