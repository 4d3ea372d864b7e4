"""Cache of prepared tables on disk, written atomically.

An entry is a folder named by its key. It is written to a temporary folder and renamed when
complete, so that a killed or concurrent worker leaves no incomplete entry.
"""

from __future__ import annotations

import json
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from objectives.data.prepare.mapped import MappedFiles

if TYPE_CHECKING:
    from datasets import Dataset

_FACTS = "entry.json"
_PARTIAL, _BROKEN = ".partial-", ".broken-"
_LEFT_BEHIND = 24 * 3600
"""Seconds without a change after which an incomplete folder is deleted as abandoned."""


@dataclass(frozen=True)
class Entry:
    """One cache entry.

    Attributes:
        tables: split name to memory-mapped table.
        facts: JSON values stored with the tables.
        files: the tables' files; check them after reading, as they may change meanwhile.
    """

    tables: Mapping[str, Dataset]
    facts: Mapping[str, Any]
    files: MappedFiles


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
