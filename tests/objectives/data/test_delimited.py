"""CSV and TSV as spreadsheets, R, pandas and databases write them."""

from __future__ import annotations

from itertools import repeat
from pathlib import Path

import pytest

from objectives.data.chain import Chain
from objectives.data.errors import RecordErrors
from objectives.data.formats.delimited import tsv_rows
from objectives.data.formats.table import read_table

MKV, AAC = ("a", "MKV", (0, 1, 0)), ("b", "AAC", (0, 0, 1))

READ: dict[str, tuple[str, str]] = {
    "TSV, a cell begins with a quote": (
        "a.tsv",
        'id\tnote\tsequence\tlabels\na\t"Candidatus" x\tMKV\t010\nb\t"5\tAAC\t001\n',
    ),
    "TSV, a lone quote": ("a.tsv", 'id\tnote\tsequence\tlabels\na\t"\tMKV\t010\nb\tx"\tAAC\t001\n'),
    "TSV, a quote that is not doubled": (
        "a.tsv",
        'id\tnote\tsequence\tlabels\na\t"x"y"\tMKV\t010\nb\t""\tAAC\t001\n',
    ),
    "TSV, cells quoted whole": (
        "a.tsv",
        '"id"\t"sequence"\t"labels"\n"a"\t"MKV"\t"010"\n"b"\t"AAC"\t"001"\n',
    ),
    "TSV, trailing tabs": ("a.tsv", "id\tsequence\tlabels\na\tMKV\t010\t\t\nb\tAAC\t001\t \n"),
    "TSV, blank rows": ("a.tsv", "id\tsequence\tlabels\n\t\t\na\tMKV\t010\nb\tAAC\t001\n\t\t\n\n"),
    "TSV, Windows": ("a.tsv", "\ufeffid\tsequence\tlabels\r\na\tMKV\t010\r\nb\tAAC\t001\r\n"),
    "TSV, old Macintosh": ("a.tsv", "id\tsequence\tlabels\ra\tMKV\t010\rb\tAAC\t001\r"),
    "TSV, other separators of lines": (
        "a.tsv",
        "id\tnote\tsequence\tlabels\na\tx\u2028y\x0bz\x1cw\tMKV\t010\nb\t\x85\tAAC\t001\n",
    ),
    "CSV, blank rows": ("a.csv", "id,sequence,labels\n,,\na,MKV,010\nb,AAC,001\n,,\n , ,\n"),
    "CSV, trailing blank cells": ("a.csv", "id,sequence,labels,,\na,MKV,010,,\nb,AAC,001\n"),
    "CSV, more blanks than names": ("a.csv", "id,sequence,labels\na,MKV,010,\nb,AAC,001,,\n"),
    "CSV, unnamed first column": ("a.csv", ",id,sequence,labels\n0,a,MKV,010\n1,b,AAC,001\n"),
    "CSV, unnamed last column": ("a.csv", "id,sequence,labels,\na,MKV,010,seen\nb,AAC,001,\n"),
    "CSV, blank lines before the header": (
        "a.csv",
        "\n,,\nid,sequence,labels\na,MKV,010\nb,AAC,001\n",
    ),
    "CSV, a cell of several lines": (
        "a.csv",
        'id,sequence,labels,note\na,MKV,010,"x\ny\n\nz"\nb,AAC,001,""\n',
    ),
    "CSV, a huge cell": (
        "a.csv",
        f'id,sequence,labels,embedding\na,MKV,010,"{"0.5 " * 50_000}"\nb,AAC,001,1\n',
    ),
    "CSV, a huge JSON cell": (
        "a.csv",
        f'id,note,sequence,labels\na,"{"x" * 200_000}",MKV,010\nb,,AAC,001\n',
    ),
}

BAD: dict[str, tuple[str, str, list[str], str]] = {
    "TSV, a tab within quotes": (
        "a.tsv",
        'id\tsequence\tlabels\n"a\tx"\tMKV\t010\nb\tAAC\t001\n',
        ["b"],
        "row must have 3 cells, as the header does, got 4 (a.tsv, line 2).",
    ),
    "TSV, a line end within quotes": (
        "a.tsv",
        'id\tnote\tsequence\tlabels\na\t"x\ny"\tMKV\t010\nb\t\tAAC\t001\n',
        ["b"],
        "row must have 4 cells, as the header does, got 2 (a.tsv, line 2).",
    ),
    "TSV, a cell is missing": (
        "a.tsv",
        "id\tsequence\tlabels\na\tMKV\nb\tAAC\t001\n",
        ["b"],
        "row must have 3 cells, as the header does, got 2 (a.tsv, line 2).",
    ),
    "TSV, a cell too many": (
        "a.tsv",
        "id\tsequence\tlabels\na\tMKV\t010\tx\nb\tAAC\t001\n",
        ["b"],
        "row must have 3 cells, as the header does, got 4 (a.tsv, line 2).",
    ),
    "CSV, a record of several lines": (
        "a.csv",
        'id,note,sequence,labels\nb,,AAC,001\na,"x\ny\nz",MKV,01\n',
        ["b"],
        "labels must be one per residue (3), got 2 (a.csv, line 3).",
    ),
    "CSV, after a record of several lines": (
        "a.csv",
        'id,note,sequence,labels\nb,"x\ny",AAC,001\n\na,,MKV,01\n',
        ["b"],
        "labels must be one per residue (3), got 2 (a.csv, line 5).",
    ),
    "CSV, cells missing over several lines": (
        "a.csv",
        'id,sequence,labels\nb,AAC,001\n"a\nx",MKV\n',
        ["b"],
        "row must have 3 cells, as the header does, got 2 (a.csv, line 3).",
    ),
}


def read(path: Path, text: str) -> tuple[list[Chain], RecordErrors]:
    """Write a table and read it back."""
    path.write_text(text, encoding="utf-8", newline="")
    problems = RecordErrors()
    return read_table(path, path.name, problems), problems


@pytest.mark.parametrize("case", READ)
def test_a_common_variant_is_read(case: str, tmp_path: Path) -> None:
    """Two chains, in any of these variants."""
    name, text = READ[case]
    chains, problems = read(tmp_path / name, text)

    assert problems == RecordErrors()
    assert [(chain.id, chain.sequence, chain.labels) for chain in chains] == [MKV, AAC]


@pytest.mark.parametrize("case", BAD)
def test_a_bad_row_is_reported_with_its_first_line(case: str, tmp_path: Path) -> None:
    """The valid rows are read."""
    name, text, ids, message = BAD[case]
    chains, problems = read(tmp_path / name, text)

    assert [chain.id for chain in chains] == ids
    assert problems.files == []
    assert problems.records[0] == message


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('sequence,labels\nMKV,010\n"AAC,001\nMKV,000\nMKV,001\n', 3),
        ('sequence,labels\n"MKV","010"\n"A\nA"C,001\n', 3),
        ('"sequence,labels\nMKV,010\n', 1),
    ],
)
def test_unbalanced_quotes_are_reported_where_they_begin(
    text: str, line: int, tmp_path: Path
) -> None:
    """Not at the last line of the file."""
    chains, problems = read(tmp_path / "a.csv", text)

    assert chains == []
    assert problems.files[0].startswith(f'file must be readable, got "line {line}: ') or (
        problems.files[0].startswith(f"file must be readable, got 'line {line}: ")
    )


def test_rows_are_read_one_by_one() -> None:
    """So that a large table is never in memory as text."""
    rows = tsv_rows(repeat("MKV\t010\n"))

    assert [next(rows) for _ in range(2)] == [(1, ["MKV", "010"]), (2, ["MKV", "010"])]
