"""Folders of trial files, one per configuration and seed, and their cleanup."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable, Sequence

from sweep.files.location import Location, absolute, entries, is_whole, parse_location, remove
from sweep.storage.url import StorageUrl, folder_name
from sweep.study.configuration import configuration_key
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
        return cls(absolute(base / folder), keep)

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
        return folder if is_whole(folder) else None


def shared(address: StorageUrl, files: str) -> bool:
    """Whether studies of other databases may keep files in the same place."""
    return bool(files) or address.path is None


def _entries(folder: Location) -> Sequence[Location]:
    """A folder's entries; empty if it cannot be read, which only wastes space."""
    try:
        return entries(folder)
    except OSError as error:
        log.warning("%s cannot be read (%s)", folder, error)
        return []


def _remove(path: Location) -> None:
    """Delete a file or folder; a failure is logged, since it only wastes space."""
    try:
        remove(path)
    except OSError as error:
        log.warning("%s cannot be removed (%s)", path, error)
