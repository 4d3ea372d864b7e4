"""Inputs for nodes that lack them, put into Ray's object store when first requested.

Why not Ray's ``working_dir``: it takes 500 MiB at most, and copies what a node has already.
"""

from __future__ import annotations

import errno
import tarfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import platformdirs
import ray

from sweep.errors import SweepError, fault
from sweep.workers.ray.archive import InputArchive, unpack

PLACED = ("data", "base")
"""The inputs that are sent to nodes: those of ``--data`` and ``--base``."""

ArchiveRef = tuple[str, str, list[Any]]
"""An input's name, the hash of its contents, and Ray references to the chunks of its stream."""


class InputStore:
    """The driver's side: the inputs that can be sent to nodes.

    Args:
        inputs: the study's inputs; those that are no paths on this machine are left out.

    Attributes:
        archives: the files of each input, by the input's name.

    Raises:
        SweepError: if an input exists and cannot be read.
    """

    def __init__(self, inputs: Mapping[str, str]) -> None:
        found = {name: _archive_of(name, inputs[name]) for name in PLACED if name in inputs}
        self.archives = {name: archive for name, archive in found.items() if archive is not None}
        self._shipments: dict[str, ArchiveRef] = {}

    def ship(self, name: str) -> ArchiveRef:
        """What a node needs to make a copy of an input; stored on first use.

        Raises:
            SweepError: if it can no longer be read.
        """
        if name not in self._shipments:
            archive, chunks = self.archives[name], []
            try:
                digest = archive.digest()
                archive.send(lambda chunk: chunks.append(ray.put(chunk)))
            except (OSError, tarfile.TarError) as error:
                raise _no_copy(name, archive, error) from error
            self._shipments[name] = name, digest, chunks
        return self._shipments[name]


def take(archives: Mapping[str, InputArchive], shipments: Iterable[ArchiveRef]) -> dict[str, str]:
    """The node's side: copy inputs into this user's cache, or find them there.

    Returns:
        The path of each copy, by the input's name.

    Raises:
        SweepError: if the disk is full, or a file cannot be written.
    """
    cache = Path(platformdirs.user_cache_dir("lorasweep")) / "placed"
    places = {}
    for name, digest, chunks in shipments:
        try:
            places[name] = str(unpack(archives[name], digest, _fetched(chunks), cache))
        except (OSError, tarfile.TarError) as error:
            raise _no_copy(name, archives[name], error, f"{cache}, ") from error
    return places


def _fetched(chunks: Iterable[Any]) -> Iterator[bytes]:
    for chunk in chunks:
        yield ray.get(chunk)


def _archive_of(name: str, text: str) -> InputArchive | None:
    if not text.strip():
        return None
    try:
        path = Path(text).expanduser().absolute()
        return InputArchive.at(path)
    except (RuntimeError, ValueError):  # an unknown user's home, or a zero byte: no path
        return None
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            return None
        raise _no_copy(name, InputArchive(path, {}), error) from error


def _no_copy(name: str, archive: InputArchive, error: Exception, where: str = "") -> SweepError:
    rule, way_out = "be copied to the nodes that lack it", "Or have every node see it there"
    text = fault(name, rule, str(archive.path), where=f"{where}{error}", way_out=way_out)
    return SweepError(text)
