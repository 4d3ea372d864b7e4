"""SQLite's write-ahead log: begun where it is safe, and folded back where we began it."""

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
"""File systems of one machine; SQLite's write-ahead log needs memory that all readers share."""


def enable_wal(address: StorageUrl) -> None:
    """Let readers and the driver not wait for each other, where that is safe.

    SQLite's write-ahead log is a second file beside the first until the driver lets go.
    It is not for network file systems, where a rollback journal stays.
    """
    path = address.path
    if address.kind != "sqlite" or path is None or _file_system(path) not in _LOCAL:
        return
    if _pragma(path, "journal_mode") != "wal":
        _note(path).touch()
        _pragma(path, "journal_mode=WAL")


def disable_wal(address: StorageUrl) -> None:
    """Fold the write-ahead log back, so that the study is one plain file again.

    A database that was in that mode before any driver stays in it.
    """
    path = address.path
    if address.kind != "sqlite" or path is None or not _note(path).exists():
        return
    if _pragma(path, "journal_mode=DELETE") == "delete":
        _note(path).unlink(missing_ok=True)


def _note(path: Path) -> Path:
    """The empty file that says that a driver of ours has changed the mode; it outlives a kill."""
    return path.with_name(f".{path.name}.wal.claim")


def _pragma(path: Path, text: str) -> str:
    """The mode afterwards; empty if somebody is in the way, as it is a matter of comfort."""
    try:
        with contextlib.closing(sqlite3.connect(path, timeout=1.0)) as connection:
            return str(connection.execute(f"pragma {text}").fetchone()[0])
    except sqlite3.Error:
        return ""


def _file_system(path: Path) -> str:
    """The type of the file system that a file lies on; empty where it is not known."""
    resolved = path.resolve()
    best = ("", "")
    for partition in psutil.disk_partitions(all=True):
        point = Path(partition.mountpoint)
        if resolved.is_relative_to(point) and len(str(point)) >= len(best[0]):
            best = (str(point), partition.fstype.lower())
    return best[1]
