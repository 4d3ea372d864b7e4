"""A study's content at one time, to compare a copy or an export with."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import optuna
from optuna.storages import BaseStorage, RDBStorage
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial

from sweep.errors import StorageError, fault
from sweep.storage.attributes import signed
from sweep.storage.errors import storage_errors
from sweep.storage.owner import ATTRIBUTE as OWNER
from sweep.storage.owner import DriverLease
from sweep.storage.studies import open_study
from sweep.storage.url import StorageUrl

COPYING = "copying"
"""The study attribute that marks an unfinished copy."""

_MAKER = "lorasweep"
_UNKNOWN_ZONE = {
    "journal": "reads them as local times of the machine it runs on",
    "sqlite": "reads them as UTC",
    "postgresql": "reads them as UTC",
}


@dataclass(frozen=True)
class Snapshot:
    """A study's content; a sampler may store its position in the system attributes."""

    name: str
    directions: tuple[StudyDirection, ...]
    user_attrs: Mapping[str, Any]
    system_attrs: Mapping[str, Any]
    trials: tuple[FrozenTrial, ...]

    @classmethod
    def of(cls, study: optuna.Study) -> Snapshot:
        """Read a study; if it is being driven, later changes are not included."""
        system_attrs = study._storage.get_study_system_attrs(study._study_id)  # noqa: SLF001 - Optuna's copy_study does the same
        return cls(
            study.study_name,
            tuple(study.directions),
            dict(study.user_attrs),
            dict(system_attrs),
            tuple(sorted(study.get_trials(), key=lambda trial: trial.number)),
        )

    @property
    def ours(self) -> bool:
        """Whether lorasweep made the study."""
        return signed(self.user_attrs)

    @property
    def marked(self) -> bool:
        """Whether it is marked as an unfinished copy."""
        mark = self.user_attrs.get(COPYING)
        return isinstance(mark, Mapping) and _MAKER in mark

    @property
    def driver(self) -> DriverLease | None:
        """The lease of the study's driver, whether or not its process is alive."""
        return _owner(self.user_attrs.get(OWNER))

    @property
    def lasting_attrs(self) -> dict[str, Any]:
        """The user attributes without driver lease and copy mark."""
        lasting = dict(self.user_attrs)
        released = self.ours and lasting.get(OWNER) is None
        if released or self.driver is not None:
            lasting.pop(OWNER, None)
        if self.marked or lasting.get(COPYING) is None:
            lasting.pop(COPYING, None)
        return lasting

    def times_note(self, address: StorageUrl) -> str | None:
        """A warning about the study's times; None if they are certainly right."""
        if self.ours or not any(trial.datetime_start for trial in self.trials):
            return None
        return (
            "times may be off: Optuna 4 stored local times without a time zone, Optuna 5 "
            f"{_UNKNOWN_ZONE[address.kind]}, and the two cannot be told apart"
        )


def mark(source: StorageUrl, version: str) -> dict[str, str]:
    """The mark of an unfinished copy."""
    return {_MAKER: version, "from": source.shown}


def _owner(value: object) -> DriverLease | None:
    """A driver lease; None if another program uses the attribute for something else."""
    if not isinstance(value, Mapping):
        return None
    try:
        return DriverLease.from_json(value)
    except KeyError:
        return None


@contextlib.contextmanager
def closing(storage: BaseStorage) -> Iterator[BaseStorage]:
    """Close a storage's connections at the end of the context."""
    try:
        yield storage
    finally:
        backend = getattr(storage, "_backend", storage)  # Optuna wraps some storages in a cache
        if isinstance(backend, RDBStorage):
            backend.engine.dispose()


def take(address: StorageUrl, name: str | None) -> Snapshot:
    """Read a study that is no unfinished copy, made by lorasweep or not.

    Raises:
        StorageError: if it cannot be read, or is an unfinished copy.
    """
    study = open_study(address, name)
    with storage_errors(address), closing(study._storage):  # noqa: SLF001 - it was opened for us
        snapshot = Snapshot.of(study)
    if snapshot.marked and not snapshot.ours:
        raise StorageError(
            fault(
                f"study {snapshot.name!r}",
                "be whole",
                "an unfinished copy",
                where=address.shown,
                way_out=f"Copy it again from {snapshot.user_attrs[COPYING].get('from')}",
            )
        )
    return snapshot
