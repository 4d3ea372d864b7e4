"""SQLite's write-ahead log (WAL): enabled where it is safe, and disabled afterwards."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path

import psutil

from sweep.storage.url import StorageUrl

_LOCAL = frozenset(
    """apfs bcachefs btrfs ext2 ext3 ext4 f2fs hfs jfs ntfs overlay reiserfs tmpfs xfs
    zfs""".split()  # noqa: SIM905 - a list of names reads better without quotes
)
"""Local file systems; WAL needs memory shared by all readers, which network file systems lack."""


def enable_wal(address: StorageUrl) -> None:
    """Enable WAL on local file systems, so that readers and the driver do not block each other."""
    path = address.path
    if address.kind != "sqlite" or path is None or _file_system(path) not in _LOCAL:
        return
    if _pragma(path, "journal_mode") != "wal":
        _note(path).touch()
        _pragma(path, "journal_mode=WAL")


def disable_wal(address: StorageUrl) -> None:
    """Merge the write-ahead log into the database, unless it had one before a driver opened it."""
    path = address.path
    if address.kind != "sqlite" or path is None or not _note(path).exists():
        return
    if _pragma(path, "journal_mode=DELETE") == "delete":
        _note(path).unlink(missing_ok=True)


def _note(path: Path) -> Path:
    """An empty file that records that a driver enabled WAL; it persists if the driver is killed."""
    return path.with_name(f".{path.name}.wal.claim")


def _pragma(path: Path, text: str) -> str:
    """Run a pragma; the resulting mode, or empty if the database is busy, since WAL is optional."""
    try:
        with contextlib.closing(sqlite3.connect(path, timeout=1.0)) as connection:
            return str(connection.execute(f"pragma {text}").fetchone()[0])
    except sqlite3.Error:
        return ""


def _file_system(path: Path) -> str:
    """The type of a file's file system; empty if unknown."""
    resolved = path.resolve()
    best = ("", "")
    for partition in psutil.disk_partitions(all=True):
        point = Path(partition.mountpoint)
        if resolved.is_relative_to(point) and len(str(point)) >= len(best[0]):
            best = (str(point), partition.fstype.lower())
    return best[1]
