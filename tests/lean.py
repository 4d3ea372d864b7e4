"""Makes the storage of tests fast: no syncs to disk, and Optuna's migrations loaded once.

A kill does not lose data in the system's cache, so tests of kills need no sync. Processes that
a test starts as ``PROGRAM`` sync as the product does.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from typing import Any

import sqlalchemy
from alembic.script import ScriptDirectory
from optuna.storages._rdb.storage import _VersionManager


def save() -> None:
    """Enable this in the current process."""
    os.fsync = lambda _: None
    sqlalchemy.event.listen(sqlalchemy.Engine, "connect", _without_waiting)
    make = _VersionManager._create_alembic_script
    scripts: list[ScriptDirectory] = []

    def script(manager: _VersionManager) -> ScriptDirectory:
        """Optuna's migrations, which depend on no database; it imports them at every opening."""
        if not scripts:
            scripts.append(make(manager))
        return scripts[0]

    _VersionManager._create_alembic_script = script  # type: ignore[method-assign]


def _without_waiting(connection: Any, _: object) -> None:
    """The pragma reads the file: errors of the file must be raised by the test's own statements."""
    if not isinstance(connection, sqlite3.Connection):
        return
    (patience,) = connection.execute("pragma busy_timeout").fetchone()
    connection.execute("pragma busy_timeout=0")
    with contextlib.suppress(sqlite3.Error):
        connection.execute("pragma synchronous=off")
    connection.execute(f"pragma busy_timeout={patience}")
