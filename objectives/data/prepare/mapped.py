"""Files of which pages are read as they are needed, and which must not change meanwhile."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

from sweep.errors import InputChangedError, fault

_Stamp = tuple[int, int, int, int]


class MappedFiles:
    """Files under a folder that are mapped into memory.

    What is written into a mapped file is read from then on, without a word. A file that is
    removed or replaced is another matter: its pages stay what they were.

    Args:
        folder: where they are.
        paths: the files, opened only after this.

    Attributes:
        digests: SHA-256 of each, by its name relative to the folder.
    """

    def __init__(self, folder: Path, paths: list[Path]) -> None:
        self._folder = folder
        self._stamps: dict[Path, _Stamp] = {path: _stamp(path) for path in paths}
        self.digests: Mapping[str, str] = {
            path.relative_to(folder).as_posix(): sha256(path) for path in paths
        }

    def check(self) -> None:
        """Refuse what was read since the last check, if a file was written to.

        Raises:
            InputChangedError: naming the file.
        """
        for path, known in self._stamps.items():
            try:
                now = _stamp(path)
                if (
                    now == known or now[:2] != known[:2]
                ):  # another file: the mapped one is as it was
                    continue
                name = path.relative_to(self._folder).as_posix()
                same = sha256(path) == self.digests[name]
            except FileNotFoundError:
                continue
            if not same:
                rule = "hold what it held when it was opened"
                way_out = "It is prepared anew when the sweep goes on"
                raise InputChangedError(
                    fault("a prepared table", rule, "other bytes", where=str(path), way_out=way_out)
                )
            self._stamps[path] = now


def sha256(path: Path) -> str:
    """The digest of a file.

    Raises:
        OSError: if it cannot be read.
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _stamp(path: Path) -> _Stamp:
    """Device, inode, bytes and time of change."""
    stat = path.stat()
    return stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns
