"""Data sets fetched by name: pinned files, verified, complete or not there.

Files grow in a folder beside the final one and move there once all are whole, so that a sweep
never trains on half of them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from objectives.data.shown import reason
from objectives.data.tools.download import WAITS, Tell, download
from sweep.atomic import sync_folder
from sweep.errors import DataError, UsageError, fault

COLLECTIONS = {"yu2013": "objectives.data.tools.yu2013:YU2013"}
"""What can be fetched."""


@dataclass(frozen=True)
class Pinned:
    """One file.

    Attributes:
        path: where it goes under the folder.
        address: where it is under the root of its collection.
        size: in bytes.
        sha256: of its content, in hex.
    """

    path: str
    address: str
    size: int
    sha256: str


@dataclass(frozen=True)
class Collection:
    """A data set.

    Attributes:
        name: what to ask for.
        title: what it is and who made it.
        root: where its files are, with a slash at the end.
        files: all of them.
    """

    name: str
    title: str
    root: str
    files: tuple[Pinned, ...]

    @property
    def size(self) -> int:
        """Bytes in all."""
        return sum(file.size for file in self.files)


def collection(name: str) -> Collection:
    """The collection of a name.

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
    """Have every file of a collection in a folder, fetching what is not there.

    Args:
        wanted: what to fetch.
        folder: where to; made if it is not there.
        mirror: where else the files are, in place of the collection's root.
        tell: called with the bytes that are there more than before.
        waits: seconds before each further try of a file.

    Returns:
        ``name``, ``title``, ``folder``, ``files``, ``fetched``, ``bytes`` and ``from``.

    Raises:
        DataError: if a file cannot be reached, or is not the pinned one.
        UsageError: if the mirror is no address.
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
    """Whether a file is there and whole.

    Raises:
        DataError: if another one is there under its name: it is somebody's.
    """
    if not path.exists():
        return False
    if _sum(path) == file.sha256:
        return True
    rule = "be the pinned file"
    way_out = "Remove it and run again, or fetch into another folder with --out"
    raise DataError(fault(str(path), rule, f"SHA-256 {_sum(path)}", way_out=way_out))


def _bring(file: Pinned, root: str, path: Path, tell: Tell, waits: Sequence[float]) -> None:
    """Have one file whole and verified; one that does not verify is fetched anew, once."""
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
        if attempt == 2 or not left:  # it was all of one download: the server has another file
            break
    rule, got = f"be the pinned file, SHA-256 {file.sha256}", found
    way_out = "The place has changed: take another with --mirror, or report it"
    raise DataError(fault(url, rule, got, way_out=way_out))


def _settle(missing: Sequence[Pinned], growing: Path, folder: Path) -> None:
    """Move what was fetched to its place, in one step where nothing was there."""
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
