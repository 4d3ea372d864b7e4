"""FASTA files: read lazily, each fault named by its line."""

from __future__ import annotations

import gzip
import io
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from objectives.data.formats.fasta import BadRecord, FastaRecord, parse_fasta, read_fasta
from objectives.data.protein import is_missing, other_kind
from sweep.errors import DataError

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def is_protein(text: str) -> bool:
    """Strings that may be a protein, as nearly all may."""
    return not is_missing(text) and not other_kind(text)


def written(folder: Path, text: str | bytes, name: str = "x.fasta") -> str:
    """Write a file: bytes unchanged, text without newline conversion."""
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return str(path)


def sound(path: str) -> list[tuple[str, str]]:
    """Ids and sequences of a file in which every record is valid."""
    records = list(read_fasta(path))
    assert all(isinstance(each, FastaRecord) for each in records), records
    return [(each.id, each.sequence) for each in records if isinstance(each, FastaRecord)]


@given(
    chains=st.dictionaries(
        st.text("AZaz09|_.:-é", min_size=1, max_size=12),
        st.text(LETTERS + LETTERS.lower(), min_size=1, max_size=200).filter(is_protein),
        min_size=1,
        max_size=6,
    ),
    width=st.integers(1, 80),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
    between=st.sampled_from(["", "\n", "; a comment\n", "  \n\n"]),
    start=st.sampled_from(["", "\ufeff", ";a comment\n\n"]),
    stop=st.sampled_from(["", "*"]),
    packed=st.booleans(),
)
@settings(deadline=None, max_examples=examples(60))
def test_written_data_are_read_back(
    tmp_path_factory: pytest.TempPathFactory,
    *,
    chains: dict[str, str],
    width: int,
    end: str,
    between: str,
    start: str,
    stop: str,
    packed: bool,
) -> None:
    """With any line width, line ends, comments and compression."""
    text = start
    for name, sequence in chains.items():
        text += f">{name} of no\tinterest\n"
        whole = sequence + stop
        lines = [whole[i : i + width] + "\n" for i in range(0, len(whole), width)]
        text += between.join(lines)
    data = text.rstrip("\n").replace("\n", end).encode()
    path = written(tmp_path_factory.mktemp("fasta"), gzip.compress(data) if packed else data)

    assert sound(path) == [(name, sequence.upper()) for name, sequence in chains.items()]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (">a\nMK V\tLA\n", [("a", "MKVLA")]),
        (">  a   some title \nMK\n", [("a", "MK")]),
        ("\n\n >a\n  MK\n", [("a", "MK")]),
        (">a\x01b of another\nMK\n", [("a", "MK")]),
        (f">a\n{LETTERS}\n", [("a", LETTERS)]),
        (">a\nMK\n*\n>b\nM*\n", [("a", "MK"), ("b", "M")]),
        (">>a\nMK\n", [(">a", "MK")]),
    ],
)
def test_common_variants_are_read(
    tmp_path: Path, text: str, expected: list[tuple[str, str]]
) -> None:
    """Blanks in lines, NCBI's merged titles, unusual letters, terminal stops."""
    assert sound(written(tmp_path, text)) == expected


def test_a_record_has_its_description_and_its_line(tmp_path: Path) -> None:
    """The description is the text after the first word."""
    path = written(tmp_path, "; comment\n\n>a\nM\n>b  first  β strand\nK\n")

    assert list(read_fasta(path)) == [
        FastaRecord("a", "", "M", 3),
        FastaRecord("b", "first  β strand", "K", 5),
    ]


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (b">\nMK", "header must name its record after the '>', got '' (x.fasta, line 3)"),
        (b"> \t\nMK", "header must name its record after the '>', got '' (x.fasta, line 3)"),
        (b">q\xff\nMK", r"header must be UTF-8 text, got 'q\udcff' (x.fasta, line 3)"),
        (b">q \xe9\nMK", r"header must be UTF-8 text, got 'q \udce9' (x.fasta, line 3)"),
        (b">q\x1b[2J\nMK", r"in printable characters, got 'q\x1b[2J' (x.fasta, line 3)"),
        (b">a\nMK", "id must be unique in the file (it is also in line 1), got 'a' (x.fasta, line"),
        (b">q", "sequence must hold at least one residue, got '' (x.fasta, line 3)"),
        (b">q\n\n;MK", "sequence must hold at least one residue, got '' (x.fasta, line 3)"),
        (b">q\n**", "sequence must hold at least one residue, got '**' (x.fasta, line 3)"),
        (b">q\nMK\nM-K", "hold no gap (first at residue 4), got '-' (x.fasta, line 5). Take the"),
        (b">q\nM.K-", "hold no gap (first at residue 2), got '-.' (x.fasta, line 4)"),
        (b">q\nMK\nM\n*K", "'*' at its end only (first at residue 4), got '*' (x.fasta, line 6)"),
        (b">q\nMK\n1 MK\n7", "A to Z only (first at residue 3), got '17' (x.fasta, line 5)"),
        (b">q\nMK\xc3\x9f", "hold letters A to Z only (first at residue 3), got 'ß'"),
        (b">q\nMK\xff", r"letters A to Z only (first at residue 3), got '\udcff'"),
        (b">q\nM\0K", r"hold letters A to Z only (first at residue 2), got '\x00'"),
    ],
)
def test_a_bad_record_is_reported_by_its_line_and_the_rest_is_read(
    tmp_path: Path, record: bytes, reason: str
) -> None:
    """Its neighbours are valid."""
    path = written(tmp_path, b">a first\nMKV\n" + record + b"\n>z\nMK\n")
    first, bad, last = read_fasta(path)

    assert (first, last) == (
        FastaRecord("a", "first", "MKV", 1),
        FastaRecord("z", "", "MK", 4 + record.count(b"\n")),
    )
    assert isinstance(bad, BadRecord)
    assert len(bad.faults) == 1
    assert reason in bad.faults[0]


def test_all_faults_of_a_record_are_reported(tmp_path: Path) -> None:
    """Each kind of fault with its own first position."""
    path = written(tmp_path, ">a\nM\n>a\nMK\nM-\nK*K\n7-\n")
    _, bad = read_fasta(path)

    assert isinstance(bad, BadRecord)
    assert [fault.split(", got")[0] for fault in bad.faults] == [
        "id must be unique in the file (it is also in line 1)",
        "sequence must hold no gap (first at residue 4)",
        "sequence must hold '*' at its end only (first at residue 6)",
        "sequence must hold letters A to Z only (first at residue 8)",
    ]
    assert [fault.split("line ")[-1][0] for fault in bad.faults[1:]] == ["5", "6", "7"]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "file must hold chains, got 'an empty file' (x.fasta)"),
        (b"\n;comment\n  \n", "FASTA must hold at least one record"),
        (
            b"MKV\n>a\nMK\n",
            "FASTA must begin with a header, '>' and an id, got 'MKV' (x.fasta, line",
        ),
        (b"\n1abc;A;M1;MKV\n", "got '1abc;A;M1;MKV' (x.fasta, line 2). Put such a line above each"),
        (">a\nMK\n".encode("utf-16-le"), "be UTF-8 text, got 'UTF-16 without a byte order mark"),
        (b"\x00\x01\x02\n", "FASTA must be UTF-8 text, plain or compressed"),
        (b"PK\x03\x04rest", "be a zip archive of one file, got 'File is not a zip file' (x.fasta)"),
        (gzip.compress(b"", mtime=0), "file must hold chains, got 'an empty file' (x.fasta)"),
        (gzip.compress(bytes(range(256)) * 999, mtime=0)[:-20], "FASTA must be UTF-8 text"),
    ],
)
def test_a_file_that_is_no_fasta_is_refused(tmp_path: Path, data: bytes, reason: str) -> None:
    """It cannot be skipped, since it is unknown what would be lost."""
    with pytest.raises(DataError) as raised:
        list(read_fasta(written(tmp_path, data)))

    assert reason in str(raised.value)


def test_an_interrupted_download_is_reported_with_the_last_line(tmp_path: Path) -> None:
    """Records before it are yielded first."""
    text = "".join(f">q{number}\nMKVLAAG\n" for number in range(50_000))
    whole = gzip.compress(text.encode(), mtime=0)
    records = read_fasta(written(tmp_path, whole[: len(whole) // 2], "x.fasta.gz"))

    assert next(records) == FastaRecord("q0", "", "MKVLAAG", 1)
    with pytest.raises(DataError, match=r"be readable to its end, got .* \(x.fasta.gz, after line"):
        list(records)


def test_a_damaged_gzip_file_is_a_fault(tmp_path: Path) -> None:
    """A wrong checksum, or invalid compressed data."""
    data = bytearray(gzip.compress(b">a\n" + b"MKVLAAGDE" * 500 + b"\n", mtime=0))
    data[-6] ^= 0xFF

    with pytest.raises(DataError, match="FASTA must be readable to its end"):
        list(read_fasta(written(tmp_path, bytes(data))))


@pytest.mark.parametrize("name", ["", "missing.fasta", "long" * 200, "nul\0"])
def test_a_path_that_cannot_be_opened_is_a_fault(tmp_path: Path, name: str) -> None:
    """A folder, a missing file, or no path at all."""
    with pytest.raises(DataError, match="FASTA must be a file that can be read, got"):
        list(read_fasta(f"{tmp_path}/{name}"))


@pytest.mark.parametrize("packed", [False, True])
def test_standard_input_is_read_and_left_open(
    monkeypatch: pytest.MonkeyPatch, *, packed: bool
) -> None:
    """It belongs to the process."""
    data = b">a\nMK\n"
    stdin = io.TextIOWrapper(io.BufferedReader(io.BytesIO(gzip.compress(data) if packed else data)))
    monkeypatch.setattr(sys, "stdin", stdin)

    assert sound("-") == [("a", "MK")]
    assert not stdin.buffer.closed


def test_a_closed_standard_input_is_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    """``sys.stdin`` is None then."""
    monkeypatch.setattr(sys, "stdin", None)

    with pytest.raises(DataError, match="got 'a closed standard input'"):
        list(read_fasta("-"))


def test_records_are_read_one_by_one() -> None:
    """A record is yielded once the next begins, so an endless stream can be read."""
    pulled = 0

    def endless() -> Iterator[str]:
        nonlocal pulled
        while True:
            pulled += 1
            yield f">q{pulled}\n" if pulled % 2 else "MKV\n"

    records = parse_fasta(endless(), "pipe")

    assert [next(records) for _ in range(3)][-1] == FastaRecord("q5", "", "MKV", 5)
    assert pulled == 7


def test_real_proteomes_are_read_whole(shared: Path) -> None:
    """As many records as headers, none bad, in plain and gzipped files."""
    plain, packed = (next((shared / "data" / "proteomes").glob(f"*{s}")) for s in ("fasta", "gz"))
    for path, content in (
        (plain, plain.read_bytes()),
        (packed, gzip.decompress(packed.read_bytes())),
    ):
        residues = sum(len(x) for x in content.splitlines() if not x.startswith(b">"))
        read = sound(str(path))
        assert len(read) == content.count(b">sp|") + content.count(b">tr|") > 1000
        assert sum(len(sequence) for _, sequence in read) == residues
