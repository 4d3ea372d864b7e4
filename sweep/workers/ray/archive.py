"""Files and folders sent to other machines as tar streams in chunks; links are followed."""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import tarfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from filelock import FileLock

from sweep.files.atomic import publish

CHUNK_BYTES = 64 << 20
"""Size of one chunk; sending needs this much memory beyond Ray's object store."""

_READ_BYTES = 1 << 20


@dataclass(frozen=True)
class InputArchive:
    """The files at a path.

    Attributes:
        path: an absolute path; another machine may have other files there, or none.
        sizes: bytes of each file by its relative path; a single file has the empty name.
    """

    path: Path
    sizes: Mapping[str, int]

    @classmethod
    def at(cls, path: Path) -> InputArchive | None:
        """The files at a path of this machine; None if there are none.

        Raises:
            OSError: if they cannot be listed.
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
        """A SHA-256 hash of all names and contents, as 32 hexadecimal digits.

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
        """Write the tar stream, chunk by chunk.

        Args:
            write: called with each chunk.

        Raises:
            OSError: if a file cannot be read, or is shorter than it was.
        """
        with (
            io.BufferedWriter(_Writer(write), CHUNK_BYTES) as stream,  # tarfile's own is quadratic
            tarfile.open(fileobj=stream, mode="w|", dereference=True) as archive,
        ):
            for name in self.sizes:
                archive.add(self.path / name, Path(self.path.name) / name, recursive=False)


def unpack(expected: InputArchive, digest: str, chunks: Iterable[bytes], cache: Path) -> Path:
    """Unpack an archive into this machine's cache, under a lock, unless it is there already.

    Args:
        expected: the files expected.
        digest: the hash of their contents.
        chunks: the tar stream; not read if the files are there already.
        cache: the folder that holds such copies.

    Returns:
        The path of the copy.

    Raises:
        OSError: if the disk is full, or the contents differ from the hash.
    """
    home, partial = cache / digest, cache / f"{digest}.partial"
    copy = InputArchive(home / expected.path.name, expected.sizes)
    cache.mkdir(parents=True, exist_ok=True)
    with FileLock(cache / f"{digest}.lock"):
        if copy.is_here():
            return copy.path
        for left in (home, partial):  # left by a killed process, or damaged since
            shutil.rmtree(left, ignore_errors=True)
        partial.mkdir()
        with tarfile.open(fileobj=cast("Any", _Reader(chunks)), mode="r|") as archive:
            archive.extractall(partial, filter="data")
        if InputArchive(partial / expected.path.name, expected.sizes).digest() != digest:
            raise OSError(f"{expected.path} changed while it was sent")
        publish(partial, home)
    return copy.path


def _names(folder: Path) -> Iterator[str]:
    """The relative paths of all files below a folder, following links; each folder once."""
    seen = set()
    for root, folders, files in os.walk(folder, followlinks=True):
        real = os.path.realpath(root)
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        for name in files:
            yield (Path(root) / name).relative_to(folder).as_posix()


class _Writer(io.RawIOBase):
    """A stream that calls a function with each chunk written to it."""

    def __init__(self, take: Callable[[bytes], object]) -> None:
        self._take = take

    def writable(self) -> bool:
        """True."""
        return True

    def write(self, chunk: Any) -> int:
        """Pass a chunk on."""
        self._take(bytes(chunk))
        return len(chunk)


class _Reader:
    """A file object for ``tarfile`` to read a stream from."""

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
