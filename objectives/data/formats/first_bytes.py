"""Detect a file's format, compression and encoding by its first bytes, whatever its name."""

from __future__ import annotations

import re

NEEDED = 4096  # number of bytes to inspect

_COMPRESSED = {
    b"\x1f\x8b": "gzip",
    b"\xfd7zXZ\x00": "xz",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"PK\x03\x04": "zip",
}
_BZIP2 = re.compile(rb"BZh[1-9](1AY&SY|\x17rE8P\x90)")
_COPY = "Copy or download the data file itself"
_EXPORT = "Export it as CSV"
_UNPACK = "Unpack it"
_SAVE = "Save it as CSV or Parquet"
PARQUET = b"PAR1"

_MARKS = (
    (b"version https://git-lfs.github.com/", "a Git LFS pointer", "Run git lfs pull to fetch it"),
    (b"/annex/objects/", "a git-annex pointer", "Run git annex get to fetch it"),
    (b"SQLite format 3\x00", "an SQLite database", _EXPORT),
    (b"%PDF-", "a PDF document", _EXPORT),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Excel or Word file", _EXPORT),
    (b"{\\rtf", "an RTF document", "Save it as plain text"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive", _UNPACK),
    (b"Rar!\x1a\x07", "a RAR archive", _UNPACK),
    (b"\x89HDF\r\n\x1a\n", "an HDF5 file", _SAVE),
    (b"\x93NUMPY", "a NumPy array", _SAVE),
    (b"ARROW1\x00\x00", "an Arrow or Feather file", _SAVE),
    (b"\x89PNG\r\n", "a PNG picture", _COPY),
    (b"\xff\xd8\xff", "a JPEG picture", _COPY),
    (b"\x7fELF", "a program", _COPY),
)
_PICKLE = re.compile(rb"\x80[\x02-\x05][\x95}\](c]")
_TAR = slice(257, 262)
_PAGE = re.compile(rb"<(!doctype\s+html|html|head|body)\b", re.IGNORECASE)
_BOMS = (
    (b"\xff\xfe\x00\x00", "utf-32"),
    (b"\x00\x00\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)


def compression_of(start: bytes) -> str:
    """``gzip``, ``bzip2``, ``xz``, ``zstd`` or ``zip``; empty if not compressed."""
    if _BZIP2.match(start):
        return "bzip2"
    return next((kind for mark, kind in _COMPRESSED.items() if start.startswith(mark)), "")


def foreign(start: bytes) -> tuple[str, str] | None:
    """Recognise a file format that cannot be read, so that the error message can name it.

    Args:
        start: the first ``NEEDED`` bytes, decompressed.

    Returns:
        The format and advice what to do; None for text, Parquet and unknown formats.
    """
    for mark, what, way_out in _MARKS:
        if start.startswith(mark):
            return what, way_out
    if _PICKLE.match(start):
        return "a pickled object", _SAVE
    if start[_TAR] == b"ustar":
        return "a tar archive", _UNPACK
    kind = compression_of(start)
    if kind:
        return f"compressed again, with {kind}", _UNPACK
    return _markup(start.removeprefix(b"\xef\xbb\xbf").lstrip())


def _markup(text: bytes) -> tuple[str, str] | None:
    xml = text.startswith(b"<?xml")
    if _PAGE.search(text) if xml else _PAGE.match(text):
        return "an HTML page", _COPY
    return ("an XML document", _EXPORT) if xml else None


def encoding_of(start: bytes) -> str:
    """The codec for the byte order mark; UTF-8 if there is none."""
    return next((codec for mark, codec in _BOMS if start.startswith(mark)), "utf-8-sig")


def kind_of_text(line: str) -> str:
    """``FASTA`` or ``JSON`` if a first line is clearly of that format; else empty."""
    text = line.lstrip()
    if text.startswith(">"):
        return "FASTA"
    return "JSON" if re.match(r"\{\s*\"|\[\s*[{\[]|\[\s*$", text) else ""
