"""Download data sets by name: files pinned by SHA-256, all of them or none.

Files are downloaded to a temporary folder next to the final one and moved when all are complete,
so that a sweep never trains on a part of them.
"""

from __future__ import annotations

import hashlib
import http.client
import re
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from objectives.data.errors import reason
from sweep.errors import DataError, UsageError, fault
from sweep.files.atomic import sync_folder

WAITS = (0.5, 1.0, 2.0)
"""Seconds before each retry; the count starts anew whenever an attempt has made progress."""

TIMEOUT = 30.0
_CHUNK = 1 << 16
_TRANSIENT = (408, 425, 429, 500, 502, 503, 504)

Tell = Callable[[int], None]


def download(
    url: str, path: Path, size: int, *, tell: Tell, waits: Sequence[float] = WAITS
) -> None:
    """Download a file, resuming a partial download.

    Args:
        url: of the file, http or https.
        path: the local file; existing content is taken as the beginning of the download.
        size: of the complete file, in bytes.
        tell: called with the number of bytes added; negative if some were discarded.
        waits: seconds before each retry.

    Raises:
        DataError: if it cannot be downloaded, naming the URL.
        OSError: if it cannot be written to disk.
    """
    tries = furthest = 0
    while (before := _size(path)) != size:
        if before > size:
            _drop(path, tell)
            continue
        got = _attempt(url, path, before, tell) or f"{_size(path)} bytes in place of {size}"
        after = _size(path)
        if after > size:  # not the pinned file
            _drop(path, tell)
        # Progress is counted from the largest size so far: a file too short would retry forever.
        tries = 0 if furthest < after <= size else tries + 1
        furthest = max(furthest, after)
        if tries > len(waits):
            raise DataError(_unreachable(url, got))
        if tries:
            time.sleep(waits[tries - 1])


def _attempt(url: str, path: Path, start: int, tell: Tell) -> str:
    """Append what the server sends from byte ``start`` on.

    Returns:
        The error if it can be retried; empty if there was none.

    Raises:
        DataError: if a retry is useless.
    """
    try:
        _append(url, path, start, tell)
    except urllib.error.HTTPError as error:
        got = f"HTTP {error.code} {error.reason}"
        error.close()
        if error.code == http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE and start:
            _drop(path, tell)
        elif error.code not in _TRANSIENT:
            raise DataError(_unreachable(url, got)) from error
        return got
    except urllib.error.URLError as error:
        return str(error.reason)
    except (http.client.HTTPException, ConnectionError) as error:
        return str(error) or type(error).__name__
    return ""


def _append(url: str, path: Path, start: int, tell: Tell) -> None:
    headers = {"User-Agent": "lorasweep", "Accept-Encoding": "identity"}
    if start:
        headers["Range"] = f"bytes={start}-"
    request = urllib.request.Request(url, headers=headers)  # noqa: S310  # http(s), by the caller
    with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:  # noqa: S310  # likewise
        if start and not _continues(answer, start):
            _drop(path, tell)
            if answer.status == http.HTTPStatus.PARTIAL_CONTENT:
                raise http.client.HTTPException(f"a part that does not begin at byte {start}")
        with path.open("ab") as file:
            while chunk := _read(answer):
                file.write(chunk)
                tell(len(chunk))


def _continues(answer: http.client.HTTPResponse, start: int) -> bool:
    """Whether the response is the requested rest of the file, not the whole or another part."""
    found = re.match(r"bytes (\d+)-", answer.headers.get("Content-Range", ""))
    partial = answer.status == http.HTTPStatus.PARTIAL_CONTENT
    return partial and found is not None and int(found[1]) == start


def _read(answer: http.client.HTTPResponse) -> bytes:
    """The next bytes; a network error is raised as ConnectionError, unlike one of the disk."""
    try:
        return answer.read(_CHUNK)
    except OSError as error:
        raise ConnectionError(str(error)) from error


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _drop(path: Path, tell: Tell) -> None:
    tell(-_size(path))
    path.unlink()


def _unreachable(url: str, got: str) -> str:
    way_out = (
        "Check the connection and run the same command again: it goes on where it stopped. "
        "Offline, put its files into the folder from elsewhere; --mirror names another place"
    )
    return fault(url, "be reachable", got, way_out=way_out)


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
    waits: Sequence[float] = WAITS,
) -> dict[str, Any]:
    """Download the files of a collection that are missing from a folder.

    Args:
        wanted: the collection.
        folder: target folder; created if missing.
        mirror: URL to download from in place of the collection's root.
        tell: called with the number of bytes added; negative if some were discarded.
        waits: seconds before each retry of a file.

    Returns:
        ``name``, ``title``, ``folder``, ``files``, ``fetched``, ``bytes`` and ``from``.

    Raises:
        DataError: if a file cannot be downloaded or is not the pinned one, the folder cannot be
            written, or another command is fetching into it.
        UsageError: if the mirror is not an http or https URL.
    """
    root = _root(wanted, mirror)
    growing = folder.with_name(f"{folder.name}.part")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(folder.with_name(f".{folder.name}.lock"), timeout=0):
            missing = [file for file in wanted.files if not _there(folder / file.path, file)]
            tell(wanted.size - sum(file.size for file in missing))
            for file in missing:
                _bring(file, root, growing / file.path, tell, waits)
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
    if _sum(path) == file.sha256:
        return True
    rule = "be the pinned file"
    way_out = "Remove it and run again, or fetch into another folder with --out"
    raise DataError(fault(str(path), rule, f"SHA-256 {_sum(path)}", way_out=way_out))


def _bring(file: Pinned, root: str, path: Path, tell: Tell, waits: Sequence[float]) -> None:
    """Download and verify one file; if a resumed download fails to verify, once more in full."""
    path.parent.mkdir(parents=True, exist_ok=True)
    url, left = root + file.address, path.exists()
    if left:
        tell(path.stat().st_size)
    for attempt in (1, 2):
        download(url, path, file.size, tell=tell, waits=waits)
        found = _sum(path)
        if found == file.sha256:
            return
        path.unlink()
        tell(-file.size)
        if attempt == 2 or not left:  # a full download differs: the server has another file
            break
    rule, got = f"be the pinned file, SHA-256 {file.sha256}", found
    way_out = "The place has changed: take another with --mirror, or report it"
    raise DataError(fault(url, rule, got, way_out=way_out))


def _settle(missing: Sequence[Pinned], growing: Path, folder: Path) -> None:
    """Move the downloaded files to the target folder; atomic if it does not exist yet."""
    if not missing:
        return
    if not folder.exists():
        growing.replace(folder)
    else:
        for file in missing:
            target = folder / file.path
            target.parent.mkdir(parents=True, exist_ok=True)
            (growing / file.path).replace(target)
        for left in sorted((growing, *growing.rglob("*")), reverse=True):
            with suppress(OSError):
                left.rmdir()
    sync_folder(folder.parent)


def _sum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
