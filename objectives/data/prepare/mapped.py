"""Memory-mapped files that are checked for changes while in use."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

from sweep.errors import InputChangedError, fault

_Stamp = tuple[int, int, int, int]


class MappedFiles:
    """Memory-mapped files below a folder, with their SHA-256.

    Bytes written into a mapped file appear in the mapping without any error. Deleting or
    replacing the file is harmless: the mapping keeps the old content.

    Args:
        folder: the files' common folder.
        paths: the files; open them only after this.

    Attributes:
        digests: SHA-256 of each file, by its name relative to the folder.
    """

    def __init__(self, folder: Path, paths: list[Path]) -> None:
        self._folder = folder
        self._stamps: dict[Path, _Stamp] = {path: _stamp(path) for path in paths}
        self.digests: Mapping[str, str] = {
            path.relative_to(folder).as_posix(): sha256(path) for path in paths
        }

    def check(self) -> None:
        """Verify that no file was written to; call it after reading.

        Raises:
            InputChangedError: if a file's content changed, naming the file.
        """
        for path, known in self._stamps.items():
            try:
                now = _stamp(path)
                if (
                    now == known or now[:2] != known[:2]
                ):  # replaced by another file: the mapped one is unchanged
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
    """SHA-256 of a file, in hex.

    Raises:
        OSError: if it cannot be read.
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _stamp(path: Path) -> _Stamp:
    """Device, inode, size in bytes and modification time in nanoseconds."""
    stat = path.stat()
    return stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns
