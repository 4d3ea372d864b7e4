"""A study as it was at one moment, which is what a copy or an export is compared with."""

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
from sweep.storage.errors import storage_errors
from sweep.storage.makers import signed
from sweep.storage.owner import ATTRIBUTE as OWNER
from sweep.storage.owner import DriverLease
from sweep.storage.studies import open_study
from sweep.storage.url import StorageUrl

COPYING = "copying"
"""The study attribute of a copy that is not finished yet."""

_MAKER = "lorasweep"
_UNKNOWN_ZONE = {
    "journal": "reads them as local times of the machine it runs on",
    "sqlite": "reads them as UTC",
    "postgresql": "reads them as UTC",
}


@dataclass(frozen=True)
class Snapshot:
    """What a study holds.

    Attributes:
        name: the study's.
        directions: one per objective.
        user_attrs: of the study.
        system_attrs: of the study; a sampler may keep its position there.
        trials: all of them, by number.
    """

    name: str
    directions: tuple[StudyDirection, ...]
    user_attrs: Mapping[str, Any]
    system_attrs: Mapping[str, Any]
    trials: tuple[FrozenTrial, ...]

    @classmethod
    def of(cls, study: optuna.Study) -> Snapshot:
        """Read a study; one that is driven meanwhile may have gone on before this returns."""
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
        """Whether it was made as a copy that nobody has called finished."""
        mark = self.user_attrs.get(COPYING)
        return isinstance(mark, Mapping) and _MAKER in mark

    @property
    def driver(self) -> DriverLease | None:
        """The process that holds the study, dead or alive."""
        return _owner(self.user_attrs.get(OWNER))

    @property
    def lasting_attrs(self) -> dict[str, Any]:
        """The study's attributes without those of the moment: who drives it, who copies it."""
        lasting = dict(self.user_attrs)
        released = self.ours and lasting.get(OWNER) is None
        if released or self.driver is not None:
            lasting.pop(OWNER, None)
        if self.marked or lasting.get(COPYING) is None:
            lasting.pop(COPYING, None)
        return lasting

    def times_note(self, address: StorageUrl) -> str | None:
        """What must be said of its times; None where they are sure to be right."""
        if self.ours or not any(trial.datetime_start for trial in self.trials):
            return None
        return (
            "times may be off: Optuna 4 stored local times without a time zone, Optuna 5 "
            f"{_UNKNOWN_ZONE[address.kind]}, and the two cannot be told apart"
        )


def mark(source: StorageUrl, version: str) -> dict[str, str]:
    """What an unfinished copy's ``copying`` says."""
    return {_MAKER: version, "from": source.shown}


def _owner(value: object) -> DriverLease | None:
    """A record of our own; a foreign study may call something else its owner."""
    if not isinstance(value, Mapping):
        return None
    try:
        return DriverLease.from_json(value)
    except KeyError:
        return None


@contextlib.contextmanager
def closing(storage: BaseStorage) -> Iterator[BaseStorage]:
    """Close the connections that a storage keeps, once done with it."""
    try:
        yield storage
    finally:
        backend = getattr(storage, "_backend", storage)  # Optuna wraps some in a cache
        if isinstance(backend, RDBStorage):
            backend.engine.dispose()


def take(address: StorageUrl, name: str | None) -> Snapshot:
    """Read any study that is whole, lorasweep's or not.

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
