"""Where trials keep files: folders on disks, or places in object stores, by one set of verbs."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import unquote, urlsplit

from sweep import atomic
from sweep.remote import Remote

Place = Path | Remote


def place(text: str) -> Place:
    """What a user's ``--files``, or a trial's folder, is.

    Example:
        >>> place("s3://bucket/runs")
        Remote(url='s3://bucket/runs')
        >>> str(place("file:///data/a%20b")), str(place("runs"))
        ('/data/a b', 'runs')
    """
    if text.startswith("file://"):
        return Path(unquote(urlsplit(text).path))
    return Remote(text) if "://" in text else Path(text)


def check(where: Place) -> None:
    """See whether a store can be written; a disk's folder is made when it is needed.

    Raises:
        UsageError: if not.
    """
    if isinstance(where, Remote):
        where.check()


def absolute(where: Place) -> Place:
    """The same from any folder."""
    return where.absolute() if isinstance(where, Path) else where


def put_file(where: Place, data: bytes) -> None:
    """Write a file whole or not at all.

    Raises:
        OSError: if it could not be written; what was there before is still there.
    """
    if isinstance(where, Path):
        atomic.write_file(where, data)
    else:
        where.write(data)


@contextlib.contextmanager
def local_copy(where: Place) -> Iterator[Path]:
    """A file on this machine's disk, for libraries that read no other.

    Raises:
        FileNotFoundError: if there is none in the store.
        OSError: if it cannot be read.
    """
    if isinstance(where, Path):
        yield where
        return
    with tempfile.TemporaryDirectory(prefix="lorasweep-") as folder:
        copy = Path(folder) / where.name
        copy.write_bytes(where.read())
        yield copy


def put_folder(where: Place, files: Mapping[str, bytes]) -> None:
    """Write a folder whole or not at all.

    Raises:
        OSError: if it could not be written.
    """
    if isinstance(where, Path):
        atomic.write_folder(where, files)
    else:
        where.write_all(files)


def get_folder(where: Place) -> dict[str, bytes]:
    """All files of a folder; none where it is gone, or going, or not whole.

    Raises:
        OSError: if it cannot be read.
    """
    if not isinstance(where, Path):
        return where.read_all()
    try:
        return {each.name: each.read_bytes() for each in sorted(where.iterdir()) if each.is_file()}
    except FileNotFoundError:  # a driver that found a better trial takes it away meanwhile
        return {}


def is_whole(where: Place) -> bool:
    """Whether a folder was written by ``put_folder``.

    Raises:
        OSError: if the store cannot be read.
    """
    return where.is_dir() if isinstance(where, Path) else where.is_whole()


def entries(where: Place) -> list[Path] | list[Remote]:
    """What is directly in a folder.

    Raises:
        OSError: if it cannot be read.
    """
    if not isinstance(where, Path):
        return where.entries()
    return list(where.iterdir()) if where.is_dir() else []


def remove(where: Place) -> None:
    """Take a file or folder away.

    Raises:
        OSError: if that cannot be done.
    """
    if not isinstance(where, Path):
        where.remove()
    elif where.is_dir() and not where.is_symlink():
        shutil.rmtree(where)
    else:
        where.unlink(missing_ok=True)


def clear_scratch(where: Place) -> None:
    """Remove what a process killed while writing has left beside a path; stores keep nothing."""
    if isinstance(where, Path):
        atomic.clear_scratch(where)
