"""Files and folders that appear on disk whole or not at all, also when the machine dies."""

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
    """Put a file in the place of whatever file was there, in one step.

    Args:
        path: where; missing folders are made.
        data: all it holds.

    Raises:
        OSError: if it could not be written; what was there before is still there.
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
    """Put a folder of files in the place of whatever folder was there.

    Args:
        path: where; missing folders above it are made.
        files: contents by name.

    Raises:
        OSError: if it could not be written; nothing of the new one is left then.
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
    """Remove what a process killed while writing ``path`` has left beside it."""
    for left in path.parent.glob(f"{path.name}.*.tmp"):
        if left.is_dir():
            shutil.rmtree(left, ignore_errors=True)
        else:
            with suppress(OSError):
                left.unlink()


def _scratch(path: Path) -> Path:
    """A name of this process's own in the same folder, hence on the same disk."""
    return path.with_name(f"{path.name}.{os.getpid()}.tmp")


def _write_through(path: Path, data: bytes) -> None:
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())  # a rename must not reach the disk before the data


def sync_folder(folder: Path) -> None:
    """Have the disk know which files a folder holds."""
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
    """A scratch file beside ``out`` that takes its place if all goes well.

    Yields:
        Where to write; to be closed again by then.

    Raises:
        StorageError: if the disk refuses; what was there before is still there.
    """
    real = out.resolve()  # a link stays a link
    scratch = real.with_name(f".{real.name}.{os.getpid()}.part")
    try:
        yield scratch
        with scratch.open("rb+") as file:
            os.fsync(file.fileno())  # a rename must not reach the disk before the data
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
