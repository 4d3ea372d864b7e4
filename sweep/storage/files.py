"""The files of a storage on this machine: SQLite's write-ahead log, a journal's last line."""

from __future__ import annotations

import contextlib
import logging
import sqlite3
from pathlib import Path

import psutil

from sweep.errors import StorageError, fault
from sweep.storage.address import Address

log = logging.getLogger("lorasweep")

_LOCAL = frozenset(
    """apfs bcachefs btrfs ext2 ext3 ext4 f2fs hfs jfs ntfs overlay reiserfs tmpfs xfs
    zfs""".split()  # noqa: SIM905 - a list of names reads better without quotes
)
"""File systems of one machine; SQLite's write-ahead log needs memory that all readers share."""


def mend_journal(address: Address) -> None:
    """Cut off a last line that a full disk or a crash left half-written.

    Optuna skips such a line until another follows it, and refuses the whole file then.
    """
    path = address.path
    if path is None or not path.is_file() or not path.stat().st_size:
        return
    with path.open("rb+") as file:
        data = file.read()
        whole = data.rfind(b"\n") + 1
        if whole == 0:
            raise StorageError(
                fault(
                    "--storage",
                    "be a journal of Optuna's",
                    address.shown,
                    where="it has no complete line",
                    way_out="Name another file",
                )
            )
        if whole < len(data):
            file.truncate(whole)
            log.warning("%s ended in half a line, which is gone", address.shown)


def write_ahead(address: Address) -> None:
    """Let readers and the driver not wait for each other, where that is safe.

    SQLite's write-ahead log is a second file beside the first until the driver lets go.
    It is not for network file systems, where a rollback journal stays.
    """
    if address.kind == "sqlite" and address.path and _file_system(address.path) in _LOCAL:
        _pragma(address, "journal_mode=WAL")


def one_file(address: Address) -> None:
    """Fold the write-ahead log back, so that the study is one plain file again."""
    if address.kind == "sqlite":
        _pragma(address, "journal_mode=DELETE")


def _pragma(address: Address, text: str) -> None:
    """Set it if nobody is in the way; it is a matter of comfort."""
    with contextlib.suppress(sqlite3.Error):
        connection = sqlite3.connect(str(address.path), timeout=1.0)
        with contextlib.closing(connection):
            connection.execute(f"pragma {text}").fetchall()


def _file_system(path: Path) -> str:
    """The type of the file system that a file lies on; empty where it is not known."""
    resolved = path.resolve()
    best = ("", "")
    for partition in psutil.disk_partitions(all=True):
        point = Path(partition.mountpoint)
        if resolved.is_relative_to(point) and len(str(point)) >= len(best[0]):
            best = (str(point), partition.fstype.lower())
    return best[1]
