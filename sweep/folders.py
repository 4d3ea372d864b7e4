"""Where trials keep files: a folder per configuration and seed, and what is left of it."""

from __future__ import annotations

import hashlib
import logging
import shutil
from collections.abc import Iterable
from pathlib import Path

from sweep.sampling import configuration_key
from sweep.storage import Address, folder_name
from sweep.trial import Scalar

Values = dict[str, Scalar]
ADAPTER = "adapter"
"""The part of a trial's folder that may outlive the trial; all else is for going on with it."""

log = logging.getLogger("lorasweep")


class TrialFolders:
    """The folders of one study's trials.

    A folder belongs to a configuration and a seed, not to a trial's number: a retry finds
    what the first try left, and so does whoever proposes the same again.

    Args:
        root: where they lie.
        keep: which trained adapters stay: of the ``best`` trial, of ``all``, or ``none``.
    """

    def __init__(self, root: Path, keep: str) -> None:
        self._root = root
        self._keep = keep

    @classmethod
    def of_study(cls, address: Address, name: str, keep: str, files: str = "") -> TrialFolders:
        """The folders of a study: beside its database, unless it was told where."""
        base = Path(files) if files else address.files
        return cls((base / folder_name(name)).absolute(), keep)

    def of(self, values: dict[str, Scalar], seed: int) -> Path:
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
        if not self._root.is_dir():
            return
        for values, seed in complete:
            if self.of(values, seed).is_dir():
                self.settle(values, seed, best=(values, seed) == best)

    def adapter(self, values: Values, seed: int) -> Path | None:
        """The adapter that a trial left; None if there is none."""
        folder = self.of(values, seed) / ADAPTER
        return folder if folder.is_dir() else None


def _entries(folder: Path) -> list[Path]:
    return list(folder.iterdir()) if folder.is_dir() else []


def _remove(path: Path) -> None:
    """Take it away; what cannot be removed costs room, not the sweep."""
    try:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    except OSError as error:
        log.warning("%s cannot be removed (%s)", path, error)
