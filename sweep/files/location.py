"""Where trials keep files: folders on disks, or places in object stores, by one set of verbs."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import unquote, urlsplit

from sweep.errors import UsageError, fault
from sweep.files import atomic
from sweep.files.object_store import ObjectStorePath

Location = Path | ObjectStorePath


def parse_location(text: str) -> Location:
    """What a user's ``--files``, or a trial's folder, is.

    Example:
        >>> place("s3://bucket/runs")
        Remote(url='s3://bucket/runs')
        >>> str(place("file:///data/a%20b")), str(place("runs"))
        ('/data/a b', 'runs')
    """
    if text.startswith("file://"):
        return Path(unquote(urlsplit(text).path))
    return ObjectStorePath(text) if "://" in text else Path(at_home(text, "--files"))


def at_home(text: str, name: str) -> str:
    """A path with ``~`` at its start read as a shell reads it, which it does in no ``--out=~/x``.

    Args:
        text: the path.
        name: what the user calls it, for errors.

    Raises:
        UsageError: if it names the home of a user that there is not.
    """
    if not text.startswith("~"):
        return text
    try:
        return str(Path(text).expanduser())
    except RuntimeError as error:
        rule, way_out = "begin with a home folder that there is", "Write the whole path"
        raise UsageError(fault(name, rule, text, way_out=way_out)) from error


def check(where: Location) -> None:
    """See whether a store can be written; a disk's folder is made when it is needed.

    Raises:
        UsageError: if not.
    """
    if isinstance(where, ObjectStorePath):
        where.check()


def absolute(where: Location) -> Location:
    """The same from any folder."""
    return where.absolute() if isinstance(where, Path) else where


def put_file(where: Location, data: bytes) -> None:
    """Write a file whole or not at all.

    Raises:
        OSError: if it could not be written; what was there before is still there.
    """
    if isinstance(where, Path):
        atomic.write_file(where, data)
    else:
        where.write(data)


def get_file(where: Location) -> bytes:
    """What a file holds.

    Raises:
        FileNotFoundError: if there is none.
        OSError: if it cannot be read.
    """
    return where.read_bytes() if isinstance(where, Path) else where.read()


def text_of(where: Location) -> str:
    """What ``parse_location`` reads back, secrets and all; never to be shown."""
    return where.url if isinstance(where, ObjectStorePath) else str(where)


def refuse_secrets(text: str) -> None:
    """See that the URL of a store holds no password: it is kept with the study, and shown.

    Raises:
        UsageError: if it does.
    """
    where = parse_location(text)
    if isinstance(where, ObjectStorePath) and str(where) != where.url:
        rule = "hold no password or key: it is kept with the study"
        way_out = "Leave it to the store's own file or variables, such as AWS_SECRET_ACCESS_KEY"
        raise UsageError(fault("--files", rule, str(where), way_out=way_out))


@contextlib.contextmanager
def local_copy(where: Location) -> Iterator[Path]:
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


def put_folder(where: Location, files: Mapping[str, bytes]) -> None:
    """Write a folder whole or not at all.

    Raises:
        OSError: if it could not be written.
    """
    if isinstance(where, Path):
        atomic.write_folder(where, files)
    else:
        where.write_all(files)


def get_folder(where: Location) -> dict[str, bytes]:
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


def is_whole(where: Location) -> bool:
    """Whether a folder was written by ``put_folder``.

    Raises:
        OSError: if the store cannot be read.
    """
    return where.is_dir() if isinstance(where, Path) else where.is_whole()


def entries(where: Location) -> list[Path] | list[ObjectStorePath]:
    """What is directly in a folder.

    Raises:
        OSError: if it cannot be read.
    """
    if not isinstance(where, Path):
        return where.entries()
    return list(where.iterdir()) if where.is_dir() else []


def remove(where: Location) -> None:
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


def clear_scratch(where: Location) -> None:
    """Remove what a process killed while writing has left beside a path; stores keep nothing."""
    if isinstance(where, Path):
        atomic.clear_scratch(where)
