"""Places for trial files: one interface to folders on disk and in object stores."""

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
    """The place that ``--files``, or a trial's folder, names.

    Example:
        >>> parse_location("s3://bucket/runs")
        ObjectStorePath(url='s3://bucket/runs')
        >>> str(parse_location("file:///data/a%20b")), str(parse_location("runs"))
        ('/data/a b', 'runs')
    """
    if text.startswith("file://"):
        return Path(unquote(urlsplit(text).path))
    return ObjectStorePath(text) if "://" in text else Path(at_home(text, "--files"))


def at_home(text: str, name: str) -> str:
    """A path with a leading ``~`` expanded, which no shell does within ``--out=~/x``.

    Args:
        text: the path.
        name: the option that gave it, for errors.

    Raises:
        UsageError: if it names the home of an unknown user.
    """
    if not text.startswith("~"):
        return text
    try:
        return str(Path(text).expanduser())
    except RuntimeError as error:
        rule, way_out = "begin with a home folder that there is", "Write the whole path"
        raise UsageError(fault(name, rule, text, way_out=way_out)) from error


def check(where: Location) -> None:
    """Check that an object store can be written; folders on disk are created when needed.

    Raises:
        UsageError: if it cannot.
    """
    if isinstance(where, ObjectStorePath):
        where.check()


def absolute(where: Location) -> Location:
    """The place as an absolute path or URL."""
    return where.absolute() if isinstance(where, Path) else where


def put_file(where: Location, data: bytes) -> None:
    """Write a file, complete or not at all.

    Raises:
        OSError: if it cannot be written; an existing file is unchanged.
    """
    if isinstance(where, Path):
        atomic.write_file(where, data)
    else:
        where.write(data)


def get_file(where: Location) -> bytes:
    """The content of a file.

    Raises:
        FileNotFoundError: if it does not exist.
        OSError: if it cannot be read.
    """
    return where.read_bytes() if isinstance(where, Path) else where.read()


def text_of(where: Location) -> str:
    """The text that ``parse_location`` reads back, with any passwords; never to be shown."""
    return where.url if isinstance(where, ObjectStorePath) else str(where)


def refuse_secrets(text: str) -> None:
    """Refuse a store's URL that holds a password, since it is stored with the study and shown.

    Raises:
        UsageError: if it holds one.
    """
    where = parse_location(text)
    if isinstance(where, ObjectStorePath) and str(where) != where.url:
        rule = "hold no password or key: it is kept with the study"
        way_out = "Leave it to the store's own file or variables, such as AWS_SECRET_ACCESS_KEY"
        raise UsageError(fault("--files", rule, str(where), way_out=way_out))


@contextlib.contextmanager
def local_copy(where: Location) -> Iterator[Path]:
    """A copy of a file on this machine's disk, for libraries that only read local files.

    Raises:
        FileNotFoundError: if it does not exist.
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
    """Write a folder, complete or not at all.

    Raises:
        OSError: if it cannot be written.
    """
    if isinstance(where, Path):
        atomic.write_folder(where, files)
    else:
        where.write_all(files)


def get_folder(where: Location) -> dict[str, bytes]:
    """The contents of all files of a folder; empty if it is missing or incomplete.

    Raises:
        OSError: if it cannot be read.
    """
    if not isinstance(where, Path):
        return where.read_all()
    try:
        return {each.name: each.read_bytes() for each in sorted(where.iterdir()) if each.is_file()}
    except FileNotFoundError:  # a driver may delete it meanwhile
        return {}


def is_file(path: Path) -> bool:
    """Whether a file exists; False for what cannot be a path, such as a name too long."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def is_whole(where: Location) -> bool:
    """Whether a folder is complete, as written by ``put_folder``.

    Raises:
        OSError: if the store cannot be read.
    """
    return where.is_dir() if isinstance(where, Path) else where.is_whole()


def entries(where: Location) -> list[Path] | list[ObjectStorePath]:
    """The files and folders directly in a folder.

    Raises:
        OSError: if it cannot be read.
    """
    if not isinstance(where, Path):
        return where.entries()
    return list(where.iterdir()) if where.is_dir() else []


def remove(where: Location) -> None:
    """Delete a file or folder.

    Raises:
        OSError: if it cannot be deleted.
    """
    if not isinstance(where, Path):
        where.remove()
    elif where.is_dir() and not where.is_symlink():
        shutil.rmtree(where)
    else:
        where.unlink(missing_ok=True)


def clear_scratch(where: Location) -> None:
    """Remove temporary files beside a path, left by a killed process; object stores have none."""
    if isinstance(where, Path):
        atomic.clear_scratch(where)


_given: dict[str, str] = {}


def register_alias(places: Mapping[str, str]) -> None:
    """Register, once per worker process, the user's names of inputs by the paths of their copies.

    Stored results name an input as the user did, wherever they were computed.
    """
    _given.update(places)


def user_path(path: str) -> str:
    """The user's name of an input that is read at a path.

    Example:
        >>> user_path("some-group/some-base")
        'some-group/some-base'
    """
    return _given.get(path, path)
