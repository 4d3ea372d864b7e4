"""FASTA with label lines: which lines are sequence, which are labels, and which are neither."""

from __future__ import annotations

from pathlib import Path

import pytest

from objectives.data.chain import IGNORED
from objectives.data.errors import RecordErrors
from objectives.data.formats.fasta_labels import read_fasta_labels

SIX, OTHER = "MKTAYI", "WQRDFV"

READ: dict[str, tuple[str, list[tuple[str, str]]]] = {
    "a line each": (f">a\n{SIX}\n010010\n", [(SIX, "010010")]),
    "unknown labels": (f">a\n{SIX}\n0-0--1\n", [(SIX, "0.0..1")]),
    "wrapped": (">a\nMKTA\nYI\n0100\n10\n", [(SIX, "010010")]),
    "wrapped sequence": (">a\nMKTA\nYI\n010010\n", [(SIX, "010010")]),
    "wrapped unevenly": (">a\nMK\nTAYI\n010010\n", [(SIX, "010010")]),
    "wrapped labels": (f">a\n{SIX}\n010\n010\n", [(SIX, "010010")]),
    "comments": (f";x\n>a\n;y\n{SIX}\n;z\n010010\n", [(SIX, "010010")]),
    "blocks": (">a\nMKT AYI\n010 010\n", [(SIX, "010010")]),
    "lower case and a stop": (">a\nmktayi*\n010010\n", [(SIX, "010010")]),
    "Windows": (f"\ufeff>a\r\n{SIX}\r\n\r\n010010\r\n", [(SIX, "010010")]),
    "wrapped at the width of another record": (
        ">a\nMKTA\nYI\n0100\n10\n>b\nMKTA\nWQRD\n0100\n1000\n",
        [(SIX, "010010"), ("MKTAWQRD", "01001000")],
    ),
}

WAY_OUT = " Under each header write the sequence in one line and its labels in the next."
BAD: dict[str, tuple[str, int, str]] = {
    "sequence, structure, labels, mask": (f">a\n{SIX}\nHHHEEC\n010010\n111111\n", 3, "track"),
    "structure in lower case": (f">a\n{SIX}\nhhheec\n010010\n111111\n", 3, "track"),
    "structure with gaps": (f">a\n{SIX}\nHH--EE\n010010\n111111\n", 3, "track"),
    "two sequences, two lines of labels": (f">a\n{SIX}\n{OTHER}\n010010\n000000\n", 3, "track"),
    "six lines": (f">a\n{SIX}\nHHHEEC\nDPVVLQ\n010010\n111111\n000000\n", 3, "track"),
    "tracks of two lines": (">a\nMKTA\nYI\nHHHE\nEC\n0100\n10\n1111\n11\n", 4, "track"),
    "sequence, structure, labels": (f">a\n{SIX}\nHHHEEC\n010010\n", 3, "have 6 letters above"),
    "sequence, labels, mask": (f">a\n{SIX}\n010010\n111111\n", 4, "have 6 letters above"),
    "sequence, labels, letters": (f">a\n{SIX}\n010010\nHHHEEC\n", 4, "hold labels, one 0, 1 or -"),
    "labels above": (f">a\n010010\n{SIX}\n", 2, "hold the sequence above its labels"),
    "interleaved": (">a\nMKTA\n0100\nYI\n10\n", 4, "hold labels, one 0, 1 or - each"),
}


def read(folder: Path, text: str) -> tuple[list[tuple[str, str]], RecordErrors]:
    """Sequences and labels of a file, ``.`` for unknown, and its faults."""
    path = folder / "d.fasta"
    path.write_bytes(text.encode())
    problems = RecordErrors()
    found = [
        (chain.sequence, "".join("." if x == IGNORED else str(x) for x in chain.labels))
        for chain in read_fasta_labels(path, "d.fasta", problems)
    ]
    return found, problems


@pytest.mark.parametrize("case", READ)
def test_a_sequence_and_its_labels_are_read(case: str, tmp_path: Path) -> None:
    """On one line each, or wrapped."""
    text, expected = READ[case]

    assert read(tmp_path, text) == (expected, RecordErrors())


@pytest.mark.parametrize("case", BAD)
def test_a_line_of_neither_kind_is_a_fault(case: str, tmp_path: Path) -> None:
    """It is never joined to the sequence, and the other records are read."""
    text, line, reason = BAD[case]
    found, problems = read(tmp_path, text + f">z\n{OTHER}\n000001\n")

    assert found == [(OTHER, "000001")]
    assert len(problems.records) == 1
    assert problems.records[0].startswith("line must ")
    assert reason in problems.records[0]
    assert problems.records[0].endswith(f"(d.fasta, line {line}).{WAY_OUT}")
    assert [each.name for each in problems.dropped] == ["a"]


def test_a_structure_line_is_no_sequence_whatever_its_width(tmp_path: Path) -> None:
    """A chain may be as long as a line of wrapped ones."""
    wrapped = ">a\nMKTA\nYI\n0100\n10\n"
    found, problems = read(tmp_path, wrapped + ">b\nMKTA\nHHEE\n0100\n1111\n")

    assert found == [(SIX, "010010")]
    assert "got 'HHEE' (d.fasta, line 8)" in problems.records[0]
