"""Download data sets by name: files pinned by SHA-256, all of them or none.

Files are downloaded to a temporary folder next to the final one and moved when all are complete,
so that a sweep never trains on a part of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pooch
from filelock import FileLock, Timeout
from requests import HTTPError, RequestException

from objectives.data.errors import reason
from sweep.errors import DataError, UsageError, fault
from sweep.files.atomic import publish

RETRIES = 3  # further attempts at a file, after 1, 2 and 3 seconds

_HTTP = pooch.HTTPDownloader(
    timeout=30, headers={"User-Agent": "lorasweep", "Accept-Encoding": "identity"}
)
_TRANSIENT = (408, 425, 429, 500, 502, 503, 504)

Tell = Callable[[int], None]


@dataclass(frozen=True)
class Pinned:
    """One file of a collection, pinned by size and SHA-256."""

    path: str  # local path, relative to the target folder
    address: str  # remote path, relative to the collection's root
    size: int  # in bytes
    sha256: str  # of its content, in hex


@dataclass(frozen=True)
class Collection:
    """A data set that can be downloaded."""

    name: str  # its name on the command line
    title: str  # its content and authors
    root: str  # URL that the files' addresses are relative to, with a final slash
    files: tuple[Pinned, ...]  # its files

    @property
    def size(self) -> int:
        """Size of all files, in bytes."""
        return sum(file.size for file in self.files)


_COMMIT = "9da0ed7d3e364c275b9cdbf8309aa6a9aa086665"
_ROOT = f"https://raw.githubusercontent.com/hamzagamouh/pt-lm-gnn/{_COMMIT}/datasets/yu_merged/"
_FOLDERS = {"train": ("Training_sets", "Training"), "test": ("Testing_sets", "Validation")}
_FILES = (
    ("train", "ADP", 122502, "c44859f60e94459d226b1b95882c4691262655881a4a7818a1ecaadd8663223d"),
    ("train", "AMP", 54508, "a4b03dff133fdf3d183fe0f7abb725163ee1983c0b337ac7b9de1bb4e07db465"),
    ("train", "ATP", 91173, "0e8e568a10a82fbe4b1e1713bd91e4988f2678c44060dc43f5c8c2fb9e2e8e5d"),
    ("train", "CA", 323709, "b00d341e0a7eb7c0cba96813137a32831c2c5c02b6a5f32c47476f4862ea912a"),
    ("train", "GDP", 33098, "b89825b09d47128fb3665939d2c6c475175b07b06b71dd2533e7b34ad29ad676"),
    ("train", "GTP", 25837, "8ce48c7c1ebb6e436ee2253dd878304b866950d1fb33aa03385e7ea1b057540f"),
    ("train", "HEME", 76532, "a8e45e762044aadca6e1e959acc060afc53cb545c6c74abae8ac3d0a70b18437"),
    ("train", "MG", 381711, "f4a9066062e22df6a9485b122dc3f3f47a68f4af2a38653338c145a71d35dac1"),
    ("train", "MN", 124023, "4379216bf6703ef525cc5f1eb272aed334f066ae83fe7a9c3cb8ff883202d3e8"),
    ("train", "ZN", 350775, "361d2f5b0f637194a8c9611759455d57c87d2dbbaf74756c75cee064215ebac2"),
    ("test", "ADP", 24681, "1f6b72ff7d96af221dce2bf52459fac3d3742c6687e34d9ff12eb0d5571d6b57"),
    ("test", "AMP", 12880, "05a5335111eab08c018f1b94696fd269b5fa3425006953312bc2410f66ecc407"),
    ("test", "ATP", 20696, "a84bcfb9a7d277f2e569cb892393b74f943e36c63331575eea855c8e91b7feae"),
    ("test", "CA", 59568, "13f316f6e9b515b62f6f7fbd1729dda5c312b20772598a49cb4cbac16505e580"),
    ("test", "GDP", 5396, "29fddd5defc4a71eb47a2ea1e63c6ce4b083ce72d2d5f18e8d1263d97c88102b"),
    ("test", "GTP", 2444, "f149e92876df27436c98a1e0f2917654c6d0d024c689af5186707a3f359af8cc"),
    ("test", "HEME", 12212, "f6b181cd9e1c9903b1b41907049f039259bfdd354edac3069f49d4e2e3153506"),
    ("test", "MG", 78687, "3754de12a5f6830ca07a784d4c7ba37fd187bca295923773319724ab89d4a90b"),
    ("test", "MN", 19423, "280f2bc0c63382f416573b53ed5c537a4cf9f3a60bb8cea5fbc782290bd8f8af"),
    ("test", "ZN", 53490, "93a973ca5bdc54ed0bf78beac3900454828c7effaed7f8435358e6a920bcee94"),
)
"""Split, ligand, size in bytes and SHA-256 of the files of Yu et al. 2013 (TargetS), as tables by
ligand in the repository ``hamzagamouh/pt-lm-gnn``. DNA and iron (``DNA``, ``FE``) are left out:
no SHA-256 of their files was available."""


def _pinned(split: str, ligand: str, size: int, sha256: str) -> Pinned:
    folder, word = _FOLDERS[split]
    name = f"{ligand}_{word}.txt"
    return Pinned(f"{split}/{name}", f"{folder}/{name}", size, sha256)


_YU2013 = Collection(
    name="yu2013",
    title="binding residues by ligand, Yu et al. 2013 (TargetS), doi:10.1109/TCBB.2013.104",
    root=_ROOT,
    files=tuple(_pinned(*each) for each in _FILES),
)
COLLECTIONS = {_YU2013.name: _YU2013}


def collection(name: str) -> Collection:
    """The collection of a given name.

    Raises:
        UsageError: if there is none.
    """
    if name not in COLLECTIONS:
        raise UsageError(fault("NAME", f"be one of {', '.join(COLLECTIONS)}", name))
    return COLLECTIONS[name]


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
    """Whether a file exists and is the pinned one."""
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
    """Download and verify one file into a folder, unless it is complete there already."""
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
