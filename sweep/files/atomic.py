"""Atomic writes: files and folders appear complete or not at all, even after a crash.

Why no library: atomicwrites is unmaintained and replaces files only, not folders.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

from sweep.errors import StorageError, fault


def write_file(path: Path, data: bytes) -> None:
    """Write a file, replacing any existing file in one step.

    Args:
        path: the file; missing folders are created.
        data: its content.

    Raises:
        OSError: if it cannot be written; an existing file is unchanged.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with _published(path) as scratch:
        scratch.write_bytes(data)


def write_folder(path: Path, files: Mapping[str, bytes]) -> None:
    """Write a folder of files, replacing any existing folder.

    Args:
        path: the folder; missing parent folders are created.
        files: contents by name.

    Raises:
        OSError: if it cannot be written; nothing of the new folder is left.
    """
    with _published(path) as scratch:
        scratch.mkdir(parents=True)
        for name, data in files.items():
            (scratch / name).write_bytes(data)


def publish(scratch: Path, path: Path) -> None:
    """Flush a complete temporary file or folder to disk, and rename it to its final name.

    A file replaces an existing file in one step; a folder replaces an existing folder.

    Raises:
        OSError: if either fails.
    """
    _flush(scratch)  # the data must reach the disk before the rename
    if scratch.is_dir() and path.exists():
        shutil.rmtree(path)
    scratch.replace(path)
    sync_folder(path.parent)


def _scratch(path: Path) -> Path:
    """A temporary path for ``path``, on the same disk."""
    return path.with_name(f"{path.name}.{os.getpid()}.tmp")


@contextlib.contextmanager
def _published(path: Path) -> Iterator[Path]:
    """A temporary path beside ``path`` that is published if the context ends without error."""
    scratch = _scratch(path)
    try:
        yield scratch
        publish(scratch, path)
    except BaseException:
        _remove(scratch)
        raise


def clear_scratch(path: Path) -> None:
    """Remove temporary files left beside ``path`` by a process killed while writing it."""
    for left in path.parent.glob(f"{path.name}.*.tmp"):
        _remove(left)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)


def _flush(path: Path) -> None:
    if path.is_dir():
        for each in path.iterdir():
            _flush(each)
        sync_folder(path)
    else:
        with path.open("rb+" if os.name == "nt" else "rb") as file:
            os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Flush a folder's entries to disk."""
    if os.name == "nt":  # pragma: no cover  # Windows has no handle for a folder
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextlib.contextmanager
def replacing(out: Path) -> Iterator[Path]:
    """A temporary file beside ``out`` that replaces it if the context ends without error.

    Yields:
        The path to write to; the file must be closed when the context ends.

    Raises:
        StorageError: if the file cannot be written; an existing file is unchanged.
    """
    try:
        with _published(out.resolve()) as scratch:  # a symbolic link is kept
            yield scratch
    except OSError as error:
        said = error.strerror or str(error)
        rule, way_out = "be a file that can be written", "Check the path and your rights to it"
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            rule, way_out = "be on a disk with room", "Free some space, or name a file elsewhere"
        raise StorageError(fault("--out", rule, str(out), where=said, way_out=way_out)) from error
