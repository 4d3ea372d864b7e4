"""Folders of trial files, one per configuration and seed: their owner and their cleanup.

A copied database keeps the study's name, id and folder, which the copies must not both use. Each
driver writes a new token to the study and to the folder, which shows the copy that used it last.
"""

from __future__ import annotations

import hashlib
import json
import logging
import secrets
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import optuna

from sweep.errors import ResumeError, fault
from sweep.files import location
from sweep.files.location import Location, parse_location
from sweep.storage.owner import DriverLease
from sweep.storage.studies import read_identity
from sweep.storage.url import StorageUrl, folder_name
from sweep.study.space import configuration_key
from sweep.study.trial import Scalar

Values = dict[str, Scalar]
ADAPTER = "adapter"
"""The subfolder that may be kept after a trial; all others serve to continue it."""

log = logging.getLogger("lorasweep")


class TrialFolders:
    """The folders of one study's trials.

    A folder belongs to a configuration and a seed, not to a trial number, so that a retry finds the
    checkpoint of the first attempt.

    Args:
        root: the study's folder, on a disk or in an object store.
        keep: which trained adapters are kept: of the ``best`` trial, of ``all``, or ``none``.
    """

    def __init__(self, root: Location, keep: str) -> None:
        self._root = root
        self._keep = keep

    @classmethod
    def of_study(
        cls, address: StorageUrl, name: str, keep: str, files: str = "", identity: str = ""
    ) -> TrialFolders:
        """The folders of a study: beside its database, unless another place was set.

        Args:
            address: the database.
            name: the study.
            keep: which trained adapters are kept, as for the class.
            files: the place set for them; empty if none was.
            identity: the study's id, which tells it from studies of the same name in other
                databases where they may share a folder; empty for a study older than ids.
        """
        base = parse_location(files) if files else address.files
        folder = folder_name(name)
        if identity and shared(address, files):
            folder = f"{folder},{identity}"  # the comma cannot occur in a plain name
        return cls(location.absolute(base / folder), keep)

    @property
    def root(self) -> Location:
        """The study's folder."""
        return self._root

    def of(self, values: dict[str, Scalar], seed: int) -> Location:
        """The folder of a configuration and a seed; it is not created."""
        text = f"{configuration_key(values)} {seed}"
        return self._root / hashlib.sha256(text.encode()).hexdigest()[:16]

    def settle(self, values: Values, seed: int, *, best: bool) -> None:
        """Delete what a complete trial needed to continue, and its adapter unless it is kept."""
        folder = self.of(values, seed)
        if self._keep == "none" or (self._keep == "best" and not best):
            _remove(folder)
            return
        parts = _entries(folder)
        for part in parts:
            if part.name != ADAPTER:
                _remove(part)
        if parts and not _entries(folder):
            _remove(folder)

    def discard(self, values: Values, seed: int) -> None:
        """Delete the folder of a configuration and a seed."""
        _remove(self.of(values, seed))

    def tidy(self, complete: Iterable[tuple[Values, int]], best: tuple[Values, int] | None) -> None:
        """Clean up after complete trials whose driver was killed before it did so."""
        there = {part.name for part in _entries(self._root)}
        for values, seed in complete:
            if self.of(values, seed).name in there:
                self.settle(values, seed, best=(values, seed) == best)

    def adapter(self, values: Values, seed: int) -> Location | None:
        """The adapter that a trial saved; None if there is none.

        Raises:
            OSError: if its storage cannot be read.
        """
        folder = self.of(values, seed) / ADAPTER
        return folder if location.is_whole(folder) else None


def files_of(study: optuna.Study) -> str:
    """The place set for a study's files; empty if none was."""
    return str(study.user_attrs.get("files", ""))


def folders_of(study: optuna.Study, address: StorageUrl, keep: str) -> TrialFolders:
    """The folders of a study, by what is stored with it; ``keep`` as for ``TrialFolders``."""
    name, files, identity = study.study_name, files_of(study), read_identity(study)
    return TrialFolders.of_study(address, name, keep, files, identity)


def shared(address: StorageUrl, files: str) -> bool:
    """Whether studies of other databases may keep files in the same place."""
    return bool(files) or address.path is None


def _entries(folder: Location) -> Sequence[Location]:
    """A folder's entries; empty if it cannot be read, which only wastes space."""
    try:
        return location.entries(folder)
    except OSError as error:
        log.warning("%s cannot be read (%s)", folder, error)
        return []


def _remove(path: Location) -> None:
    """Delete a file or folder; a failure is logged, since it only wastes space."""
    try:
        location.remove(path)
    except OSError as error:
        log.warning("%s cannot be removed (%s)", path, error)


TOKENS = "files_tokens"
"""The study attribute that holds its tokens, newest first."""

MARK = "study.json"
"""The file in a study's folder that names the database using it."""

_MOST = 50
"""Number of tokens kept, so that a study may return to a folder it used before."""


def take_folder(root: Location, study: optuna.Study, address: StorageUrl) -> None:
    """Claim a study's folder for this database, unless another copy of the study uses it.

    Args:
        root: the study's folder.
        study: the study, held by this process.
        address: its database.

    Raises:
        ResumeError: if another copy uses the folder.
    """
    mark = _read(root)
    here = _place_of(root, address)
    if mark is not None and mark.get("folder") == here["folder"] and not _same(mark, here):
        known = mark.get("token") in study.user_attrs.get(TOKENS, ())
        other = str(mark.get("database"))
        there = mark.get("machine") == here["machine"] and Path(other).is_file()
        if there or not known:
            rule, where = "be a folder that no other copy of the study uses", f"used from {other}"
            way_out = "Name another folder (--files); trials under way begin anew there. To keep "
            way_out += "what is there, copy the folder first"
            raise ResumeError(fault("--files", rule, str(root), where=where, way_out=way_out))
    renew(root, study, address)


def renew(root: Location, study: optuna.Study, address: StorageUrl) -> None:
    """Write a new token to the study and then to its folder."""
    token = secrets.token_hex(8)
    tokens = list(study.user_attrs.get(TOKENS, ()))
    study.set_user_attr(TOKENS, [token, *tokens][:_MOST])
    try:
        mark = json.dumps({"token": token, **_place_of(root, address)})
        location.put_file(root / MARK, mark.encode())
    except OSError as error:
        log.warning("%s cannot be written (%s)", root / MARK, error)


def _place_of(root: Location, address: StorageUrl) -> dict[str, str]:
    """The folder, the database and the machine, as stored in the folder's file."""
    database = address.shown if address.path is None else str(address.path.absolute())
    me = DriverLease.myself()
    return {"folder": str(root), "database": database, "machine": me.machine or me.host}


def _same(mark: Mapping[str, Any], here: Mapping[str, str]) -> bool:
    return all(mark.get(name) == here[name] for name in ("database", "machine"))


def _read(root: Location) -> Mapping[str, Any] | None:
    """The content of the folder's file; None if it is missing or cannot be read."""
    try:
        mark = json.loads(location.get_file(root / MARK))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        log.warning("%s cannot be read (%s)", root / MARK, error)
        return None
    return mark if isinstance(mark, Mapping) else None
