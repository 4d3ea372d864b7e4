"""Atomic writes: files and folders appear complete or not at all, even after a crash.

Why no library: atomicwrites is unmaintained and replaces files only, not folders.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import suppress
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
    scratch = _scratch(path)
    try:
        _write_through(scratch, data)
        scratch.replace(path)
    except BaseException:
        with suppress(OSError):
            scratch.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def write_folder(path: Path, files: Mapping[str, bytes]) -> None:
    """Write a folder of files, replacing any existing folder.

    Args:
        path: the folder; missing parent folders are created.
        files: contents by name.

    Raises:
        OSError: if it cannot be written; nothing of the new folder is left.
    """
    scratch = _scratch(path)
    try:
        scratch.mkdir(parents=True)
        for name, data in files.items():
            _write_through(scratch / name, data)
        sync_folder(scratch)
        if path.exists():
            shutil.rmtree(path)
        scratch.rename(path)
    except BaseException:
        shutil.rmtree(scratch, ignore_errors=True)
        raise
    sync_folder(path.parent)


def clear_scratch(path: Path) -> None:
    """Remove temporary files left beside ``path`` by a process killed while writing it."""
    for left in path.parent.glob(f"{path.name}.*.tmp"):
        if left.is_dir():
            shutil.rmtree(left, ignore_errors=True)
        else:
            with suppress(OSError):
                left.unlink()


def _scratch(path: Path) -> Path:
    """A temporary path unique to this process, in the same folder and so on the same disk."""
    return path.with_name(f"{path.name}.{os.getpid()}.tmp")


def _write_through(path: Path, data: bytes) -> None:
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())  # the data must reach the disk before the rename


def sync_folder(folder: Path) -> None:
    """Flush a folder's entries to disk."""
    if os.name == "nt":  # pragma: no cover  # Windows has no handle for a folder
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


_FULL = (errno.ENOSPC, errno.EDQUOT)


@contextlib.contextmanager
def replacing(out: Path) -> Iterator[Path]:
    """A temporary file beside ``out`` that replaces it if the context ends without error.

    Yields:
        The path to write to; the file must be closed when the context ends.

    Raises:
        StorageError: if the file cannot be written; an existing file is unchanged.
    """
    real = out.resolve()  # a symbolic link is kept
    scratch = real.with_name(f".{real.name}.{os.getpid()}.part")
    try:
        yield scratch
        with scratch.open("rb+") as file:
            os.fsync(file.fileno())  # the data must reach the disk before the rename
        scratch.replace(real)
        sync_folder(real.parent)
    except OSError as error:
        raise _told(out, error) from error
    finally:
        with contextlib.suppress(OSError):
            scratch.unlink(missing_ok=True)


def _told(out: Path, error: OSError) -> StorageError:
    said = error.strerror or str(error)
    if error.errno in _FULL:
        rule, way_out = "be on a disk with room", "Free some space, or name a file elsewhere"
    else:
        rule, way_out = "be a file that can be written", "Check the path and your rights to it"
    return StorageError(fault("--out", rule, str(out), where=said, way_out=way_out))
