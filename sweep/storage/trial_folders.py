"""Where trials keep files: a folder per configuration and seed, and what is left of it."""

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
"""The part of a trial's folder that may outlive the trial; all else is for going on with it."""

log = logging.getLogger("lorasweep")


class TrialFolders:
    """The folders of one study's trials.

    A folder belongs to a configuration and a seed, not to a trial's number: a retry finds
    what the first try left, and so does whoever proposes the same again.

    Args:
        root: where they lie, on a disk or in an object store.
        keep: which trained adapters stay: of the ``best`` trial, of ``all``, or ``none``.
    """

    def __init__(self, root: Location, keep: str) -> None:
        self._root = root
        self._keep = keep

    @classmethod
    def of_study(
        cls, address: StorageUrl, name: str, keep: str, files: str = "", identity: str = ""
    ) -> TrialFolders:
        """The folders of a study: beside its database, unless it was told where.

        Args:
            address: the database.
            name: the study.
            keep: see the class.
            files: where it was told to keep them; empty if it was not.
            identity: its id, which tells it from other databases' studies of its name where they
                may share a folder; empty for a study from before there were ids.
        """
        base = parse_location(files) if files else address.files
        folder = folder_name(name)
        if identity and shared(address, files):
            folder = f"{folder},{identity}"  # with a sign that no plain name has
        return cls(absolute(base / folder), keep)

    @property
    def root(self) -> Location:
        """The study's folder."""
        return self._root

    def of(self, values: dict[str, Scalar], seed: int) -> Location:
        """The folder of a configuration and a seed; nothing is made."""
        text = f"{configuration_key(values)} {seed}"
        return self._root / hashlib.sha256(text.encode()).hexdigest()[:16]

    def settle(self, values: Values, seed: int, *, best: bool) -> None:
        """A trial is complete: drop what it needed to go on, and its adapter unless kept."""
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
        """Nothing will go on from here."""
        _remove(self.of(values, seed))

    def tidy(self, complete: Iterable[tuple[Values, int]], best: tuple[Values, int] | None) -> None:
        """Do what a driver that was killed left undone for trials that are complete."""
        there = {part.name for part in _entries(self._root)}
        for values, seed in complete:
            if self.of(values, seed).name in there:
                self.settle(values, seed, best=(values, seed) == best)

    def adapter(self, values: Values, seed: int) -> Location | None:
        """The adapter that a trial left; None if there is none.

        Raises:
            OSError: if the store of it cannot be read.
        """
        folder = self.of(values, seed) / ADAPTER
        return folder if is_whole(folder) else None


def shared(address: StorageUrl, files: str) -> bool:
    """Whether studies of other databases may keep files in the same place."""
    return bool(files) or address.path is None


def _entries(folder: Location) -> Sequence[Location]:
    """What is in a folder; nothing where it cannot be read, which costs room, not the sweep."""
    try:
        return entries(folder)
    except OSError as error:
        log.warning("%s cannot be read (%s)", folder, error)
        return []


def _remove(path: Location) -> None:
    """Take it away; what cannot be removed costs room, not the sweep."""
    try:
        remove(path)
    except OSError as error:
        log.warning("%s cannot be removed (%s)", path, error)
