"""The lines of a text file, plain or gzipped, from a path or from standard input."""

from __future__ import annotations

import gzip
import io
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import cast

from objectives.data.shown import printable, reason
from sweep.errors import DataError, fault

STDIN = "-"
_GZIP = b"\x1f\x8b"
_PACKED = {b"BZh": "bzip2", b"\xfd7zXZ": "xz", b"\x28\xb5\x2f\xfd": "zstd", b"PK\x03\x04": "zip"}


@contextmanager
def open_lines(path: str) -> Iterator[tuple[Iterator[str], str]]:
    """Open a file for reading line by line; what is gzipped is told by its first bytes.

    Args:
        path: a file, or ``-`` for standard input.

    Yields:
        The lines, of any line ends, with bytes that are no UTF-8 as surrogates; and the name
        of the file for messages.

    Raises:
        DataError: if it cannot be opened, or is packed in another way than by gzip.
    """
    name = "standard input" if path == STDIN else printable(Path(path).name)
    stream = _standard_input() if path == STDIN else _open(path)
    try:
        start = _start(stream, name)
        for mark, kind in _PACKED.items():
            if start.startswith(mark):
                rule = "be plain text or gzipped"
                way_out = "Unpack it first; '-' reads from a pipe"
                raise DataError(fault("FASTA", rule, kind, where=name, way_out=way_out))
        unpacked = gzip.GzipFile(fileobj=stream) if start.startswith(_GZIP) else stream
        # Undecodable bytes are told where they stand, not for the whole buffer that they are in.
        text = io.TextIOWrapper(unpacked, encoding="utf-8-sig", errors="surrogateescape")
        try:
            yield iter(text), name
        finally:
            text.detach()  # or it would close standard input
    finally:
        if path != STDIN:
            stream.close()


def _standard_input() -> io.BufferedReader:
    if sys.stdin is None:  # closed by whoever started us
        raise DataError(fault("FASTA", "be a file that can be read", "a closed standard input"))
    return cast("io.BufferedReader", sys.stdin.buffer)


def _open(path: str) -> io.BufferedReader:
    try:
        return Path(path).open("rb")
    except (OSError, ValueError) as error:
        got = printable(path)
        text = fault("FASTA", "be a file that can be read", got, where=reason(error))
        raise DataError(text) from error


def _start(stream: io.BufferedReader, name: str) -> bytes:
    try:
        return stream.peek(8)[:8]
    except OSError as error:
        text = fault("FASTA", "be a file that can be read", reason(error), where=name)
        raise DataError(text) from error


def is_regular(path: str) -> bool:
    """Whether a path can be read twice: a file, not standard input or a pipe."""
    try:
        return path != STDIN and Path(path).is_file()
    except (OSError, ValueError):
        return False
