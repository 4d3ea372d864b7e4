"""Download data sets by name: files pinned by SHA-256, all of them or none.

Files are downloaded to a temporary folder next to the final one and moved when all are complete,
so that a sweep never trains on a part of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import pooch
from filelock import FileLock, Timeout
from requests import HTTPError, RequestException

from objectives.data.errors import reason
from sweep.errors import DataError, UsageError, fault
from sweep.files.atomic import publish

RETRIES = 3
"""Further attempts at a file, after 1, 2 and 3 seconds."""

_HTTP = pooch.HTTPDownloader(
    timeout=30, headers={"User-Agent": "lorasweep", "Accept-Encoding": "identity"}
)
_TRANSIENT = (408, 425, 429, 500, 502, 503, 504)

Tell = Callable[[int], None]

COLLECTIONS = {"yu2013": "objectives.data.tools.yu2013:YU2013"}
"""Name to the import path of each collection."""


@dataclass(frozen=True)
class Pinned:
    """One file of a collection, pinned by size and SHA-256.

    Attributes:
        path: local path, relative to the target folder.
        address: remote path, relative to the collection's root.
        size: in bytes.
        sha256: of its content, in hex.
    """

    path: str
    address: str
    size: int
    sha256: str


@dataclass(frozen=True)
class Collection:
    """A data set that can be downloaded.

    Attributes:
        name: its name on the command line.
        title: its content and authors.
        root: URL that the files' addresses are relative to, with a final slash.
        files: its files.
    """

    name: str
    title: str
    root: str
    files: tuple[Pinned, ...]

    @property
    def size(self) -> int:
        """Size of all files, in bytes."""
        return sum(file.size for file in self.files)


def collection(name: str) -> Collection:
    """The collection of a given name.

    Raises:
        UsageError: if there is none.
    """
    if name not in COLLECTIONS:
        raise UsageError(fault("NAME", f"be one of {', '.join(COLLECTIONS)}", name))
    module, _, attribute = COLLECTIONS[name].partition(":")
    found: Collection = getattr(import_module(module), attribute)
    return found


def fetch(
    wanted: Collection,
    folder: Path,
    *,
    mirror: str | None = None,
    tell: Tell = lambda _: None,
    retries: int = RETRIES,
) -> dict[str, Any]:
    """Download the files of a collection that are missing from a folder.

    Files that an interrupted call has completed are not downloaded again.

    Args:
        wanted: the collection.
        folder: target folder; created if missing.
        mirror: URL to download from in place of the collection's root.
        tell: called with the size of each complete file, in bytes.
        retries: further attempts at a file.

    Returns:
        ``name``, ``title``, ``folder``, ``files``, ``fetched``, ``bytes`` and ``from``.

    Raises:
        DataError: if a file cannot be downloaded or is not the pinned one, the folder cannot be
            written, or another command is fetching into it.
        UsageError: if the mirror is not an http or https URL.
    """
    root = _root(wanted, mirror)
    pooch.get_logger().setLevel("WARNING")  # it would announce every file
    growing = folder.with_name(f"{folder.name}.part")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(folder.with_name(f".{folder.name}.lock"), timeout=0):
            missing = [file for file in wanted.files if not _there(folder / file.path, file)]
            tell(wanted.size - sum(file.size for file in missing))
            for file in missing:
                _bring(file, root, growing, retries)
                tell(file.size)
            _settle(missing, growing, folder)
    except Timeout as error:
        rule, way_out = "be fetched by one command at a time", "Wait for the other one"
        raise DataError(fault(str(folder), rule, "another", way_out=way_out)) from error
    except OSError as error:
        rule, way_out = "be a folder that can be written", "Name another with --out"
        where = reason(error)
        raise DataError(fault("--out", rule, str(folder), where=where, way_out=way_out)) from error
    return {
        "name": wanted.name,
        "title": wanted.title,
        "folder": str(folder),
        "files": len(wanted.files),
        "fetched": len(missing),
        "bytes": wanted.size,
        "from": root,
    }


def _root(wanted: Collection, mirror: str | None) -> str:
    root = (mirror or wanted.root).rstrip("/") + "/"
    if not root.startswith(("https://", "http://")):
        raise UsageError(fault("--mirror", "begin with https:// or http://", mirror))
    return root


def _there(path: Path, file: Pinned) -> bool:
    """Whether a file exists and is the pinned one.

    Raises:
        DataError: if a different file has its name, which is never overwritten.
    """
    if not path.exists():
        return False
    found = pooch.file_hash(path)
    if found == file.sha256:
        return True
    rule = "be the pinned file"
    way_out = "Remove it and run again, or fetch into another folder with --out"
    raise DataError(fault(str(path), rule, f"SHA-256 {found}", way_out=way_out))


class _FinalError(Exception):
    """A failed download that another attempt would not change: pooch retries none of its kind."""


def _bring(file: Pinned, root: str, growing: Path, retries: int) -> None:
    """Download and verify one file into a folder, unless it is complete there already.

    Raises:
        DataError: if it cannot be downloaded or is not the pinned one, naming the URL.
    """
    url = root + file.address

    def download(url: str, path: str, source: pooch.Pooch) -> None:
        try:
            _HTTP(url, path, source)
        except HTTPError as error:
            if error.response is not None and error.response.status_code in _TRANSIENT:
                raise
            raise _FinalError(_unreachable(url, _cause(error))) from error
        found = pooch.file_hash(path)
        if found != file.sha256:
            rule = f"be the pinned file, SHA-256 {file.sha256}"
            way_out = "The place has changed: take another with --mirror, or report it"
            raise _FinalError(fault(url, rule, found, way_out=way_out))

    (growing / file.path).parent.mkdir(parents=True, exist_ok=True)
    pinned, urls = {file.path: file.sha256}, {file.path: url}
    source = pooch.Pooch(growing, root, pinned, urls, retry_if_failed=retries)
    try:
        source.fetch(file.path, downloader=download)
    except _FinalError as error:
        raise DataError(str(error)) from error
    except RequestException as error:
        raise DataError(_unreachable(url, _cause(error))) from error


def _unreachable(url: str, got: str) -> str:
    way_out = (
        "Check the connection and run the same command again: it goes on where it stopped. "
        "Offline, put its files into the folder from elsewhere; --mirror names another place"
    )
    return fault(url, "be reachable", got, way_out=way_out)


def _cause(error: RequestException) -> str:
    """The server's status, or the innermost exception: requests wraps a network error thrice."""
    if error.response is not None:
        return f"HTTP {error.response.status_code} {error.response.reason}"
    inner: BaseException = error
    while inner.__context__ is not None:
        inner = inner.__context__
    return str(inner) or type(inner).__name__


def _settle(missing: Sequence[Pinned], growing: Path, folder: Path) -> None:
    """Move the downloaded files to the target folder; atomic if it does not exist yet."""
    if not missing:
        return
    complete = {growing / file.path for file in missing}
    for left in sorted(growing.rglob("*"), reverse=True):
        if left.is_file() and left not in complete:  # of a command that was killed
            left.unlink()
    if not folder.exists():
        publish(growing, folder)
    else:
        for file in missing:
            target = folder / file.path
            target.parent.mkdir(parents=True, exist_ok=True)
            publish(growing / file.path, target)
        for left in sorted((growing, *growing.rglob("*")), reverse=True):
            with suppress(OSError):
                left.rmdir()
