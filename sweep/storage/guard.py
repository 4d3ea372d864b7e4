"""Check a driver's lease within each transaction that writes.

Between a check before it and the transaction, another driver might take over.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

import optuna
import sqlalchemy
from optuna.storages import JournalStorage, RDBStorage
from sqlalchemy import Connection

from sweep.storage.journal import Journal
from sweep.storage.owner import ATTRIBUTE, DriverLease, acquire, release, taken_over
from sweep.storage.url import StorageUrl

Check = Callable[[Any], None]
"""Called with the study's owner record; raises ``HeldError`` unless it is this driver's."""

_WRITE = re.compile(r"\s*(insert|update|delete)\b", re.IGNORECASE)
_CHECKED = "lorasweep checked the owner"
"""Key in a connection's ``info``: its transaction has been checked."""


def take(study: optuna.Study, address: StorageUrl, *, take_over: bool = False) -> DriverLease:
    """Make this process the study's driver; call while holding ``storage_lock``.

    From then on, writes through this study object fail once another driver has taken over.

    Args:
        study: the study.
        address: its database, for messages.
        take_over: whether to replace a driver that may still be running.

    Returns:
        This process's lease.

    Raises:
        HeldError: if another process drives it, or may do so on another machine.
    """
    owner = acquire(study, address.shown, take_over=take_over)
    mine = json.loads(json.dumps(owner.to_json()))

    def check(record: Any) -> None:
        if record != mine:
            raise taken_over(study.study_name, record, address.shown)

    _arm(study, check)
    return owner


def give_up(study: optuna.Study, owner: DriverLease) -> None:
    """Release the lease and end the checks that ``take`` began.

    Raises:
        HeldError: if another driver has taken the study over.
    """
    try:
        release(study, owner)
    finally:
        _arm(study, None)


def _arm(study: optuna.Study, check: Check | None) -> None:
    """Check all further writes through a study object; None ends the checks."""
    storage: Any = study._storage  # noqa: SLF001 - Optuna has no public name for it
    study_id = study._study_id  # noqa: SLF001 - as above
    if isinstance(storage, JournalStorage):
        journal = storage._backend  # noqa: SLF001 - as above
        if not isinstance(journal, Journal):
            raise TypeError(f"a journal that a driver writes must be a Journal, got {journal!r}")
        journal.watch(study_id, check)
        return
    backend = getattr(storage, "_backend", storage)  # Optuna wraps it in a cache
    if not isinstance(backend, RDBStorage):
        raise TypeError(f"a driver's storage must be a database or a journal, got {backend!r}")
    events: Mapping[str, Callable[..., None]] = getattr(backend, "lorasweep_events", {})
    for name, listener in events.items():
        sqlalchemy.event.remove(backend.engine, name, listener)
    events = {} if check is None else _listeners(study_id, check)
    for name, listener in events.items():
        sqlalchemy.event.listen(backend.engine, name, listener)
    backend.lorasweep_events = events  # type: ignore[attr-defined]


def _listeners(study_id: int, check: Check) -> Mapping[str, Callable[..., None]]:
    """Engine event listeners that check the lease before a transaction's first write."""
    # SQLite's write lock, or PostgreSQL's of the row, is held from the check to the end.
    select = "select value_json from study_user_attributes where study_id = :study and key = :key"
    query, locking = sqlalchemy.text(select), sqlalchemy.text(f"{select} for share")
    which = {"study": study_id, "key": ATTRIBUTE}

    def begin(connection: Connection) -> None:
        connection.info.pop(_CHECKED, None)

    def before_cursor_execute(connection: Connection, _: Any, statement: str, *__: Any) -> None:
        if _CHECKED in connection.info or not _WRITE.match(statement):
            return
        sqlite = connection.dialect.name == "sqlite"
        driver: Any = connection.connection.dbapi_connection
        if sqlite and not driver.in_transaction:
            connection.exec_driver_sql("begin immediate")
        text = connection.scalar(query if sqlite else locking, which)
        check(None if text is None else json.loads(text))
        connection.info[_CHECKED] = True

    return {"begin": begin, "before_cursor_execute": before_cursor_execute}
