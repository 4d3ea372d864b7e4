"""Optuna's storages, of which whatever fails is one sentence."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from optuna.storages import BaseStorage, JournalStorage, RDBStorage
from optuna.storages._cached_storage import _CachedStorage

from sweep.storage.errors import reading_errors, storage_errors
from sweep.storage.url import StorageUrl

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

_WRITES = (
    "create_new_study",
    "delete_study",
    "set_study_user_attr",
    "set_study_system_attr",
    "create_new_trial",
    "set_trial_param",
    "set_trial_state_values",
    "set_trial_intermediate_value",
    "set_trial_user_attr",
    "set_trial_system_attr",
)
"""The methods that write; what they raise says whether a server is only away."""


class Database(_CachedStorage):
    """A database of SQLite or PostgreSQL, with Optuna's own cache.

    Args:
        backend: the database.
        address: where it is, for messages.
    """

    def __init__(self, backend: RDBStorage, address: StorageUrl) -> None:
        super().__init__(backend)
        self.address = address


class JournalFile(JournalStorage):
    """A journal.

    Args:
        backend: its file.
        address: where it is, for messages.
    """

    def __init__(self, backend: Any, address: StorageUrl) -> None:
        self.address = address
        with reading_errors(address):  # which replays all of it
            super().__init__(backend)


def _worded(
    name: str, of: type[BaseStorage], errors: Callable[[StorageUrl], AbstractContextManager[None]]
) -> Callable[..., Any]:
    method = getattr(of, name)

    def call(self: Any, *arguments: Any, **options: Any) -> Any:
        with errors(self.address):
            return method(self, *arguments, **options)

    call.__name__, call.__doc__ = name, method.__doc__
    return call


for _names, _errors in ((_READS, reading_errors), (_WRITES, storage_errors)):
    for _name in _names:
        for _storage in (Database, JournalFile):
            setattr(_storage, _name, _worded(_name, _storage.__mro__[1], _errors))
