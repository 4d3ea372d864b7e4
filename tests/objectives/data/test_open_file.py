"""Compressed files, and files whose content differs from their name."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zipfile
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet
import pytest

from objectives.data.chain import Chain
from objectives.data.errors import RecordErrors
from objectives.data.formats.open_file import open_text
from objectives.data.formats.source import open_source
from sweep.errors import DataError

CSV = "id,sequence,labels\na,MKV,010\nb,AAC,001\n"
TSV = CSV.replace(",", "\t")
LINES = (
    '{"id": "a", "sequence": "MKV", "labels": "010"}\n'
    '{"id": "b", "sequence": "AAC", "labels": "001"}\n'
)
FASTA = ">a\nMKV\n010\n>b\nAAC\n001\n"
TEXT = "1ABC;A;K2;MKV\n1ABD;A;C3;AAC\n"
ARRAY = "[\n" + LINES.replace("}\n{", "},\n{") + "]"


def read(path: Path) -> tuple[list[Chain], RecordErrors]:
    """The chains of one file, and its faults."""
    problems = RecordErrors()
    return list(open_source(str(path)).read(problems).train), problems


def zipped(content: bytes, *others: str) -> bytes:
    """A zip archive whose first member has the content."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("data.csv", content)
        for name in others:
            archive.writestr(name, b"x")
    return made.getvalue()


def zstd(content: bytes) -> bytes:
    """Compressed as by the zstd command."""
    return bytes(pa.compress(content, "zstd", asbytes=True))


def parquet(*, gzipped: bool = False) -> bytes:
    """A table of two chains."""
    made = io.BytesIO()
    table = pa.table({"id": ["a", "b"], "sequence": ["MKV", "AAC"], "labels": ["010", "001"]})
    pyarrow.parquet.write_table(table, made, compression="gzip" if gzipped else "snappy")
    return made.getvalue()


READ: dict[str, tuple[str, bytes]] = {
    "gzip": ("d.csv.gz", gzip.compress(CSV.encode())),
    "gzip in two members": (
        "d.csv.gz",
        gzip.compress(CSV[:30].encode()) + gzip.compress(CSV[30:].encode()),
    ),
    "bzip2": ("d.tsv.bz2", bz2.compress(TSV.encode())),
    "xz": ("d.jsonl.xz", lzma.compress(LINES.encode())),
    "zstd": ("d.fasta.zst", zstd(FASTA.encode())),
    "zip": ("d.csv.zip", zipped(CSV.encode(), "__MACOSX/._data.csv")),
    "text format": ("d.txt.gz", gzip.compress(TEXT.encode())),
    "Parquet in gzip": ("d.parquet.gz", gzip.compress(parquet())),
    "Parquet of gzipped pages": ("d.parquet.gzip", parquet(gzipped=True)),
    "capitals": ("D.CSV.GZ", gzip.compress(CSV.encode())),
    "gzip named .csv": ("d.csv", gzip.compress(CSV.encode())),
    "zip named .csv": ("d.csv", zipped(CSV.encode())),
    "plain named .csv.gz": ("d.csv.gz", CSV.encode()),
    ".tab": ("d.tab", TSV.encode()),
    "semicolons": ("d.csv", CSV.replace(",", ";").encode()),
    "tabs named .csv": ("d.csv", TSV.encode()),
    "commas named .tsv": ("d.tsv", CSV.encode()),
    "bars": ("d.csv", CSV.replace(",", "|").encode()),
    "sep=,": ("d.csv", b"sep=,\r\n" + CSV.encode()),
    "sep=;": ("d.csv", b'"sep=;"\n' + CSV.replace(",", ";").encode()),
    "semicolons, lists": ("d.csv", b'sequence;labels\nMKV;"0,1,0"\nAAC;0,0,1\n'),
    "UTF-16": ("d.csv", CSV.encode("utf-16")),
    "UTF-16 tabs, as Excel's Unicode text": ("d.csv", TSV.encode("utf-16")),
    "UTF-16 lines": ("d.jsonl", LINES.encode("utf-16")),
    "UTF-16 FASTA": ("d.fasta", FASTA.encode("utf-16")),
    "UTF-32": ("d.csv", CSV.encode("utf-32")),
    "a JSON array": ("d.json", ARRAY.encode()),
    "a JSON array on one line": ("d.json", ARRAY.replace("\n", "").encode()),
}


@pytest.mark.parametrize("case", sorted(READ))
def test_any_known_compression_and_encoding_is_read(tmp_path: Path, case: str) -> None:
    """Any compression, column separator and text encoding."""
    name, content = READ[case]
    (tmp_path / name).write_bytes(content)

    chains, problems = read(tmp_path / name)

    assert (problems.files, problems.records) == ([], [])
    assert [(chain.sequence, chain.labels) for chain in chains] == [
        ("MKV", (0, 1, 0)),
        ("AAC", (0, 0, 1)),
    ]


LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"a" * 64 + b"\nsize 12\n"
PAGE = b"<!DOCTYPE html>\n<html><body>404</body></html>\n"
KINDS: dict[str, tuple[str, bytes, str]] = {
    "Git LFS": ("d.csv", LFS, "got 'a Git LFS pointer' (d.csv). Run git lfs pull"),
    "Git LFS FASTA": ("d.fasta", LFS, "got 'a Git LFS pointer' (d.fasta)"),
    "Git LFS text": ("d.txt", LFS, "got 'a Git LFS pointer'"),
    "Git LFS Parquet": ("d.parquet", LFS, "got 'a Git LFS pointer'"),
    "Git LFS in name only gzipped": ("d.csv.gz", LFS, "got 'a Git LFS pointer'"),
    "HTML": ("d.csv", PAGE, "got 'an HTML page' (d.csv)"),
    "XHTML": ("d.fasta", b"\n<?xml version='1.0'?><html lang='en'>", "got 'an HTML page'"),
    "XML": ("d.jsonl", b"<?xml version='1.0'?><uniprot>", "got 'an XML document'"),
    "PDF": ("d.csv", b"%PDF-1.7\n", "got 'a PDF document'"),
    "SQLite": ("d.csv", b"SQLite format 3\0....", "got 'an SQLite database'"),
    "Excel": ("d.csv", zipped(b"", "xl/workbook.xml"), "got 'an Excel workbook'"),
    "old Excel": ("d.tsv", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1....", "got 'an old Excel"),
    "HDF5": ("d.parquet", b"\x89HDF\r\n\x1a\n....", "got 'an HDF5 file'"),
    "NumPy": ("d.txt", b"\x93NUMPY\1\0....", "got 'a NumPy array'"),
    "a pickle": ("d.csv", b"\x80\x04\x95\x12\0\0\0\0\0\0\0", "got 'a pickled object'"),
    "empty": ("d.csv", b"", "got 'an empty file'"),
    "empty FASTA": ("d.fasta", b"", "got 'an empty file'"),
    "empty text": ("d.txt", b"", "got 'an empty file'"),
    "gzip of nothing": ("d.csv.gz", gzip.compress(b""), "got 'an empty file'"),
    "compressed twice": (
        "d.csv.gz",
        gzip.compress(gzip.compress(CSV.encode())),
        "got 'compressed again, with gzip' (d.csv.gz). Unpack it",
    ),
    "zip of two": ("d.csv.zip", zipped(CSV.encode(), "b.csv"), "got 'one of 2 files'"),
    "FASTA named .csv": ("d.csv", FASTA.encode(), "got 'FASTA' (d.csv). Name it .fasta"),
    "FASTA named .txt": ("d.txt", FASTA.encode(), "got 'FASTA' (d.txt). Name it .fasta"),
    "tabs named .txt": ("d.txt", TSV.encode(), "(d.txt). Name it .tsv"),
    "CSV named .txt": ("d.txt", CSV.encode(), "got \"a table with columns separated by ','\""),
    "JSON named .csv": ("d.csv", LINES.encode(), "got 'JSON' (d.csv). Name it .json"),
    "CSV named Parquet": ("d.parquet", CSV.encode(), "file must be Parquet, as its suffix says"),
    "gzip cut short": ("d.csv.gz", gzip.compress(CSV.encode())[:-9], "file must be readable"),
    "xz cut short": ("d.csv.xz", lzma.compress(CSV.encode())[:-9], "file must be readable"),
    "bzip2 cut short": ("d.csv.bz2", bz2.compress(CSV.encode())[:-9], "file must be readable"),
    "zstd cut short": ("d.csv.zst", zstd(CSV.encode())[:-9], "file must be readable"),
    "unknown columns, by semicolons": ("d.csv", b"a;seq;y\n1;MKV;010\n", "got 'a, seq, y' (d.csv)"),
    "a JSON array cut short": ("d.json", ARRAY[:-9].encode(), "begins as a JSON array and is none"),
}


@pytest.mark.parametrize("case", sorted(KINDS))
def test_the_true_kind_of_a_file_is_named(tmp_path: Path, case: str) -> None:
    """One or two faults of the file, none of its rows."""
    name, content, expected = KINDS[case]
    (tmp_path / name).write_bytes(content)

    chains, problems = read(tmp_path / name)

    assert chains == []
    assert problems.records == []
    assert expected in " ".join(problems.files)


def bomb(compress: Callable[[bytes], bytes]) -> bytes:
    """80 MB of one letter."""
    return compress(b">a\n" + b"A" * 80_000_000)


@pytest.mark.parametrize(
    "compress",
    [
        gzip.compress,
        zstd,
        zipped,
        pytest.param(bz2.compress, marks=pytest.mark.integration),
        pytest.param(lzma.compress, marks=pytest.mark.integration),
    ],
)
def test_a_decompression_bomb_is_refused(
    tmp_path: Path, compress: Callable[[bytes], bytes]
) -> None:
    """Real data compress to about a tenth, not to a thousandth."""
    (tmp_path / "d.fasta").write_bytes(bomb(compress))
    blocks: list[int] = []

    with open_text(tmp_path / "d.fasta", "d.fasta") as text:
        counted = (blocks.append(len(block)) for block in iter(lambda: text.read(1 << 20), ""))
        with pytest.raises(OSError, match="unpacks to more than 200 times its size"):
            list(counted)

    assert sum(blocks) <= 64 * 2**20


def test_an_archive_that_cannot_be_opened_is_one_fault(tmp_path: Path) -> None:
    """A damaged zip archive."""
    (tmp_path / "d.csv").write_bytes(zipped(CSV.encode())[:60])

    with (
        pytest.raises(DataError, match="zip archive of one file"),
        open_text(tmp_path / "d.csv", "d"),
    ):
        pass
