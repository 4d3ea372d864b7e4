"""Optuna's storages, of which a read of damaged rows is one sentence."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from optuna.storages import BaseStorage, JournalStorage, RDBStorage
from optuna.storages._cached_storage import _CachedStorage

from sweep.storage.address import Address
from sweep.storage.words import reading_errors

_READS = (
    "get_all_studies",
    "get_study_name_from_id",
    "get_study_directions",
    "get_study_user_attrs",
    "get_study_system_attrs",
    "get_trial",
    "get_all_trials",
)
"""The methods that decode what a study's rows hold."""


class Database(_CachedStorage):
    """A database of SQLite or PostgreSQL, with Optuna's own cache.

    Args:
        backend: the database.
        address: where it is, for messages.
    """

    def __init__(self, backend: RDBStorage, address: Address) -> None:
        super().__init__(backend)
        self.address = address


class JournalFile(JournalStorage):
    """A journal.

    Args:
        backend: its file.
        address: where it is, for messages.
    """

    def __init__(self, backend: Any, address: Address) -> None:
        self.address = address
        with reading_errors(address):  # which replays all of it
            super().__init__(backend)


def _worded(name: str, of: type[BaseStorage]) -> Callable[..., Any]:
    method = getattr(of, name)

    def read(self: Any, *arguments: Any, **options: Any) -> Any:
        with reading_errors(self.address):
            return method(self, *arguments, **options)

    read.__name__, read.__doc__ = name, method.__doc__
    return read


for _name in _READS:
    for _storage in (Database, JournalFile):
        setattr(_storage, _name, _worded(_name, _storage.__mro__[1]))
