"""A file or folder that travels to another machine: what it holds, as a stream, and unpacked.

A stream is a tar archive in chunks. Links are followed, so that what arrives needs nothing else.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tarfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from filelock import FileLock

CHUNK_BYTES = 64 << 20
"""Of one piece of a stream: so much more memory than its store a machine needs on the way."""

_READ_BYTES = 1 << 20


@dataclass(frozen=True)
class InputArchive:
    """What there is at a path.

    Attributes:
        path: absolute; on another machine the same path may hold something else, or nothing.
        sizes: bytes of each file by its name below the path; of a file itself under no name.
    """

    path: Path
    sizes: Mapping[str, int]

    @classmethod
    def at(cls, path: Path) -> InputArchive | None:
        """What is at a path of this machine; None for nothing.

        Raises:
            OSError: if it cannot be looked at.
        """
        if path.is_file():
            return cls(path, {"": path.stat().st_size})
        if path.is_dir():
            return cls(path, {name: (path / name).stat().st_size for name in _names(path)})
        return None

    def is_here(self) -> bool:
        """Whether this machine has files of the same names and sizes at the same path."""
        try:
            found = InputArchive.at(self.path)
        except OSError:
            return False
        return found is not None and found.sizes == self.sizes

    def digest(self) -> str:
        """32 hexadecimal digits over every name and byte.

        Raises:
            OSError: if a file cannot be read.
        """
        whole = hashlib.sha256()
        for name, size in sorted(self.sizes.items()):
            whole.update(f"{name}\0{size}\0".encode(errors="surrogateescape"))
            with (self.path / name).open("rb") as file:
                while block := file.read(_READ_BYTES):
                    whole.update(block)
        return whole.hexdigest()[:32]

    def send(self, write: Callable[[bytes], object]) -> None:
        """Hand over the stream, chunk by chunk.

        Raises:
            OSError: if a file cannot be read, or is shorter than it was.
        """
        with tarfile.open(
            fileobj=cast("Any", _Writer(write)), mode="w|", bufsize=CHUNK_BYTES, dereference=True
        ) as archive:
            for name in self.sizes:
                archive.add(self.path / name, Path(self.path.name) / name, recursive=False)


def unpack(parcel: InputArchive, digest: str, chunks: Iterable[bytes], cache: Path) -> Path:
    """Have a parcel in this machine's cache, whole; one process at a time works at it.

    Args:
        parcel: what is to be there.
        digest: of its contents.
        chunks: its stream; not read when it is there already.
        cache: the folder that holds such copies.

    Returns:
        Where it is.

    Raises:
        OSError: if there is no room, or something else arrived than was sent.
    """
    home, partial = cache / digest, cache / f"{digest}.partial"
    copy = InputArchive(home / parcel.path.name, parcel.sizes)
    cache.mkdir(parents=True, exist_ok=True)
    with FileLock(cache / f"{digest}.lock"):
        if copy.is_here():
            return copy.path
        for left in (home, partial):  # cut short by a kill, or damaged since
            shutil.rmtree(left, ignore_errors=True)
        partial.mkdir()
        with tarfile.open(fileobj=cast("Any", _Reader(chunks)), mode="r|") as archive:
            archive.extractall(partial, filter="data")
        if InputArchive(partial / parcel.path.name, parcel.sizes).digest() != digest:
            raise OSError(f"{parcel.path} changed while it was sent")
        partial.replace(home)
    return copy.path


def _names(folder: Path) -> Iterator[str]:
    """Every file below a folder, through links too, each folder once."""
    seen = set()
    for root, folders, files in os.walk(folder, followlinks=True):
        real = os.path.realpath(root)
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        for name in files:
            yield (Path(root) / name).relative_to(folder).as_posix()


class _Writer:
    """What ``tarfile`` writes a stream to."""

    def __init__(self, write: Callable[[bytes], object]) -> None:
        self.write = write


class _Reader:
    """What ``tarfile`` reads a stream from."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = iter(chunks)
        self._left = memoryview(b"")

    def read(self, size: int) -> bytes:
        """The next bytes, as many as asked for unless the stream ends."""
        parts = []
        while size:
            if not self._left:
                self._left = memoryview(next(self._chunks, b""))
                if not self._left:
                    break
            parts.append(self._left[:size])
            self._left = self._left[size:]
            size -= len(parts[-1])
        return b"".join(parts)
