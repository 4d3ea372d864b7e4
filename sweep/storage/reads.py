"""Optuna's storages, with errors turned into one sentence."""

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
"""Methods that decode a study's rows."""

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
"""Methods that write; their errors tell whether a server is only unreachable."""


class Database(_CachedStorage):
    """An SQLite or PostgreSQL database, with Optuna's cache.

    Args:
        backend: Optuna's storage.
        address: the database, for messages.
    """

    def __init__(self, backend: RDBStorage, address: StorageUrl) -> None:
        super().__init__(backend)
        self.address = address


class JournalFile(JournalStorage):
    """An Optuna journal.

    Args:
        backend: the journal file.
        address: the file, for messages.
    """

    def __init__(self, backend: Any, address: StorageUrl) -> None:
        self.address = address
        with reading_errors(address):  # Optuna reads the whole journal here
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
