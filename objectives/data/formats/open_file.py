"""Open any data file: decompressed, checked by its first bytes, limited in size.

Compression is detected by the first bytes and not by the name, so that a gzipped file named
``.csv`` is read, and so is a plain one named ``.csv.gz``.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Protocol, cast

from objectives.data.errors import reason
from objectives.data.formats.first_bytes import NEEDED, compression_of, encoding_of, foreign
from sweep.errors import DataError, fault

COMPRESSED = (".gz", ".gzip", ".bgz", ".bz2", ".xz", ".zst", ".zstd", ".zip")
"""Suffixes of compression, which follow the suffix of the format."""

FREE = 64 * 2**20
RATIO = 200
"""A file may unpack to ``FREE`` bytes, or ``RATIO`` times its size if that is more.

A limit against decompression bombs, which shrink to a thousandth; labelled chains shrink to about
a tenth in any format.
"""

_BROKEN = (EOFError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, RuntimeError)
"""Exceptions of the decompression libraries for damaged files, besides OSError."""


def format_of(path: Path) -> str:
    """The suffix of a file's format in lower case: ``.csv`` of ``Train.CSV.gz``."""
    return Path(_uncompressed(path)).suffix.lower()


def stem_of(path: Path) -> str:
    """A file's name without the suffixes of its format and compression."""
    return Path(_uncompressed(path)).stem


def _uncompressed(path: Path) -> str:
    return path.stem if path.suffix.lower() in COMPRESSED else path.name


def is_compressed(path: Path) -> bool:
    """Whether a file is compressed as a whole, by its first bytes."""
    with path.open("rb") as file:
        return bool(compression_of(file.read(NEEDED)))


class _Readable(Protocol):
    def read1(self, size: int, /) -> bytes: ...


class _Counted(io.RawIOBase):
    """A stream that counts the bytes read from it."""

    def __init__(self, stream: _Readable) -> None:
        self._stream = stream
        self.count = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._stream.read1(len(buffer))
        buffer[: len(data)] = data
        self.count += len(data)
        return len(data)


class _Unpacked(_Counted):
    """A decompressed stream that raises OSError if it is damaged or too large."""

    def __init__(self, stream: _Readable, source: _Counted) -> None:
        super().__init__(stream)
        self._source = source

    def readinto(self, buffer: Any) -> int:
        try:
            read = super().readinto(buffer)
        except _BROKEN as error:
            raise OSError(reason(error)) from error
        if self.count > max(FREE, RATIO * self._source.count):
            raise OSError(
                f"it unpacks to more than {RATIO} times its size, as no data file does; "
                "unpack it yourself if you trust it"
            )
        return read


@contextmanager
def open_bytes(source: Path | io.BufferedReader, name: str) -> Iterator[io.BufferedReader]:
    """Open a file for reading bytes, decompressed.

    Args:
        source: a file, or an open stream, which is left open.
        name: its name in messages.

    Yields:
        The content as a stream, which raises OSError if the file is damaged or unpacks to more
        than the limit (``FREE``, ``RATIO``).

    Raises:
        DataError: if it is empty, or its first bytes show a format that cannot be read.
        OSError: if it cannot be opened or read.
    """
    with ExitStack() as stack:
        raw = stack.enter_context(source.open("rb")) if isinstance(source, Path) else source
        counted = _Counted(raw)
        stream = _buffered(counted)
        kind = compression_of(_start(stream))
        if kind:
            if kind == "zip":
                inner, counted.count = _unzipped(raw, name)
            else:
                inner = _decompressed(kind, stream)
            stream = _buffered(_Unpacked(inner, counted))
        start = _start(stream)
        found = foreign(start) if start else ("an empty file", "")
        if found is not None:
            what, way_out = found
            raise DataError(fault("file", "hold chains", what, where=name, way_out=way_out))
        yield stream


@contextmanager
def open_text(
    source: Path | io.BufferedReader,
    name: str,
    *,
    newline: str | None = None,
    errors: str = "strict",
) -> Iterator[io.TextIOWrapper]:
    """Open a text file for reading, as UTF-8 or as its byte order mark says.

    Args:
        source: as for ``open_bytes``.
        name: its name in messages.
        newline: as for ``open``.
        errors: as for ``open``.

    Raises:
        DataError: as for ``open_bytes``, and if it is UTF-16 without a byte order mark.
        OSError: as for ``open_bytes``.
    """
    with open_bytes(source, name) as stream:
        start = _start(stream)
        if len(start) > 3 and (start[1:8:2].strip(b"\0") == b"" or start[:8:2].strip(b"\0") == b""):
            rule = "be UTF-8 text"
            got = "UTF-16 without a byte order mark, or no text"
            raise DataError(fault("file", rule, got, where=name, way_out="Save it as UTF-8"))
        yield io.TextIOWrapper(stream, encoding_of(start), errors=errors, newline=newline)


def _buffered(raw: io.RawIOBase) -> io.BufferedReader:
    return cast("io.BufferedReader", io.BufferedReader(raw, 2 * NEEDED))


def _start(stream: io.BufferedReader) -> bytes:
    """The first bytes of a stream, without consuming them."""
    return stream.peek(NEEDED)[:NEEDED]


def _decompressed(kind: str, stream: io.BufferedReader) -> _Readable:
    if kind == "gzip":
        return gzip.GzipFile(fileobj=stream)
    if kind == "bzip2":
        return bz2.BZ2File(stream)
    if kind == "xz":
        return lzma.LZMAFile(stream)
    import pyarrow as pa

    return pa.CompressedInputStream(pa.PythonFile(stream, mode="r"), "zstd")


def _unzipped(raw: io.BufferedReader, name: str) -> tuple[_Readable, int]:
    """The only file in a zip archive, and its compressed size in bytes."""
    rule, way_out = "be a zip archive of one file", "Unpack it"
    try:
        archive = zipfile.ZipFile(raw)
        members = [each for each in archive.namelist() if not each.endswith("/")]
        for folder, what in {"xl/": "an Excel workbook", "word/": "a Word document"}.items():
            if any(each.startswith(folder) for each in members):
                got = fault("file", "hold chains", what, where=name, way_out="Export it as CSV")
                raise DataError(got)
        own = [each for each in members if not each.startswith("__MACOSX/")]
        if len(own) == 1:
            return cast("_Readable", archive.open(own[0])), archive.getinfo(own[0]).compress_size
    except (OSError, *_BROKEN) as error:
        got = reason(error)
        raise DataError(fault("file", rule, got, where=name, way_out=way_out)) from error
    got = f"one of {len(own)} files"
    raise DataError(fault("file", rule, got, where=name, way_out=way_out))
