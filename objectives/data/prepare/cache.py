"""Cache of prepared tables on disk, written atomically and checked for changes while in use.

An entry is a folder named by its key. It is written to a temporary folder and renamed when
complete, so that a killed or concurrent worker leaves no incomplete entry.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sweep.errors import InputChangedError, fault

if TYPE_CHECKING:
    from datasets import Dataset

_FACTS = "entry.json"
_PARTIAL, _BROKEN = ".partial-", ".broken-"
_LEFT_BEHIND = 24 * 3600  # seconds without a change after which an incomplete folder is deleted
_Stamp = tuple[int, int, int, int]


class MappedFiles:
    """Memory-mapped files below a folder, with their SHA-256.

    Bytes written into a mapped file appear in the mapping without any error. Deleting or
    replacing the file is harmless: the mapping keeps the old content.

    Args:
        folder: the files' common folder.
        paths: the files; open them only after this.
    """

    def __init__(self, folder: Path, paths: list[Path]) -> None:
        self._folder = folder
        self._stamps: dict[Path, _Stamp] = {path: _stamp(path) for path in paths}
        # SHA-256 of each file, by its name relative to the folder
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


@dataclass(frozen=True)
class Entry:
    """One cache entry."""

    tables: Mapping[str, Dataset]  # split name to memory-mapped table
    facts: Mapping[str, Any]  # JSON values stored with the tables
    files: MappedFiles  # the tables' files; check them after reading, as they may change meanwhile


def load_entry(folder: Path) -> Entry | None:
    """Open an entry; None if it does not exist or its files do not match their SHA-256."""
    import datasets

    try:
        written = json.loads((folder / _FACTS).read_text(encoding="utf-8"))
        files = _files(folder)
        if files.digests != written["sha256"]:
            return None
        names = written["tables"]
        tables = {name: datasets.load_from_disk(folder / name) for name in names}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):  # or JSON of another shape
        return None
    return Entry(tables, written["facts"], files)


def store_entry(folder: Path, tables: Mapping[str, Dataset], facts: Mapping[str, Any]) -> Entry:
    """Write an entry and open it.

    If another worker has written it meanwhile, its entry is used: equal keys mean equal content.

    Raises:
        OSError: if the folder cannot be written.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    _clear_left_behind(folder.parent)
    partial = Path(tempfile.mkdtemp(prefix=_PARTIAL, dir=folder.parent))
    try:
        with without_progress_bars():
            for name, table in tables.items():
                table.save_to_disk(partial / name)
        written = {"tables": list(tables), "facts": facts, "sha256": _files(partial).digests}
        (partial / _FACTS).write_text(json.dumps(written), encoding="utf-8")
        entry = _publish(partial, folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return entry


def _publish(partial: Path, folder: Path) -> Entry:
    """Rename a complete entry to its final name, unless a valid one exists already."""
    for _ in range(3):
        try:
            partial.replace(folder)
        except OSError:  # the folder exists: another worker's valid entry, or a damaged one
            entry = load_entry(folder)
            if entry is None:
                _remove(folder)
                continue
            return entry
        entry = load_entry(folder)
        if entry is not None:
            return entry
    raise OSError(f"{folder} must be writable by one sweep at a time; remove it and run again.")


def _remove(folder: Path) -> None:
    """Delete a damaged entry: rename it first, so that no worker reads it meanwhile."""
    grave = Path(tempfile.mkdtemp(prefix=_BROKEN, dir=folder.parent))
    try:
        folder.replace(grave / folder.name)
    except FileNotFoundError:
        pass  # another worker was faster
    finally:
        shutil.rmtree(grave, ignore_errors=True)


def _clear_left_behind(cache: Path) -> None:
    """Delete incomplete folders of killed workers that have not changed for a day."""
    for mark in (_PARTIAL, _BROKEN):
        for folder in cache.glob(f"{mark}*"):
            try:
                changed = max(path.stat().st_mtime for path in (folder, *folder.rglob("*")))
            except OSError:  # another worker is deleting it
                continue
            if changed < time.time() - _LEFT_BEHIND:
                shutil.rmtree(folder, ignore_errors=True)


def _files(folder: Path) -> MappedFiles:
    """All files of an entry except its JSON file."""
    paths = (path for path in folder.rglob("*") if path.is_file() and path.name != _FACTS)
    return MappedFiles(folder, sorted(paths))


@contextmanager
def without_progress_bars() -> Iterator[None]:
    """Disable the progress bars of ``datasets``, which would disturb the sweep's own."""
    import datasets

    shown = not datasets.are_progress_bars_disabled()
    datasets.disable_progress_bars()
    try:
        yield
    finally:
        if shown:
            datasets.enable_progress_bars()
