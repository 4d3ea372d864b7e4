"""Cells truncated by a spreadsheet, and length columns that disagree."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet
import pytest

from objectives.data.chain import Chain
from objectives.data.errors import RecordErrors
from objectives.data.formats.table import read_table

CELL = 32_767
LONG = ("MKTAYIAKQRQISFVKSHFSRQDEWLGPNC" * 1200)[:34_350]
CUT = LONG[:CELL]
UNIPROT = "Entry\tLength\tSequence\tBinding site\n"
WHOLE = f"must be whole, got '{CELL} characters, where spreadsheets cut a cell' (d."
POSITIONS = " ".join(str(at) for at in range(10_000, 20_000))[:CELL]
LABELS = ("01" * 17_000)[:CELL]
FEATURES = "; ".join(f'BINDING {at}; /ligand="ATP"' for at in range(1, 9999))[:CELL]

CASES: dict[str, tuple[str, str, list[str]]] = {
    "the sequence of an entry": (
        "d.tsv",
        f"{UNIPROT}P1\t34350\t{CUT}\tBINDING 2\nP2\t3\tMKV\tBINDING 2\n",
        [
            "sequence must be as long as the column 'Length' says (34350), got 32767 (d.tsv",
            f"sequence {WHOLE}tsv, line 2). Take it from a file that no spreadsheet has saved.",
        ],
    ),
    "an entry whose length disagrees": (
        "d.tsv",
        f"{UNIPROT}P1\t4\tMKV\tBINDING 2\nP2\t3\tMKV\tBINDING 2\n",
        ["sequence must be as long as the column 'Length' says (4), got 3 (d.tsv, line 2)."],
    ),
    "an entry without features whose length disagrees": (
        "d.tsv",
        f"{UNIPROT}P1\t4\tMKV\t\nP2\t3\tMKV\tBINDING 2\n",
        ["sequence must be as long as the column 'Length' says (4), got 3 (d.tsv, line 2)."],
    ),
    "the features of an entry": (
        "d.tsv",
        f"{UNIPROT}P1\t34350\t{LONG}\t{FEATURES}\nP2\t3\tMKV\tBINDING 2\n",
        [f"binding site {WHOLE}tsv, line 2)."],
    ),
    "the sequence of a row": (
        "d.csv",
        f"sequence,positions\n{CUT},2\nMKV,2\n",
        [f"sequence {WHOLE}csv, line 2)."],
    ),
    "the positions of a row": (
        "d.csv",
        f"sequence,positions\n{LONG},{POSITIONS}\nMKV,2\n",
        [f"positions {WHOLE}csv, line 2)."],
    ),
    "the labels of a row": (
        "d.csv",
        f"sequence,labels\n{LONG},{LABELS}\nMKV,010\n",
        [f"labels {WHOLE}csv, line 2)."],
    ),
    "a plain table whose length disagrees": (
        "d.csv",
        'sequence,positions,LENGTH\nMKV,2,"1,003"\nMKV,2,3\n',
        ["sequence must be as long as the column 'Length' says (1003), got 3 (d.csv, line 2)."],
    ),
    "a length that is a float": (
        "d.jsonl",
        "".join(f'{{"sequence": "MKV", "positions": [2], "Length": {n}}}\n' for n in (4.0, 3.0)),
        ["sequence must be as long as the column 'Length' says (4), got 3 (d.jsonl, line 1)."],
    ),
}


def read(path: Path) -> tuple[list[Chain], RecordErrors]:
    """A table's chains, and its faults."""
    problems = RecordErrors()
    return read_table(path, path.name, problems), problems


@pytest.mark.parametrize("case", CASES)
def test_truncated_cells_are_reported_and_the_rest_is_read(case: str, tmp_path: Path) -> None:
    """With the row and the cause."""
    name, text, messages = CASES[case]
    path = tmp_path / name
    path.write_text(text)

    chains, problems = read(path)

    assert [chain.sequence for chain in chains] == ["MKV"]
    assert problems.files == []
    assert len(problems.records) == 1
    for message in messages:
        assert message in problems.records[0]


@pytest.mark.parametrize(
    ("length", "sequence"),
    [
        ("3", "MKV"),
        ("3.0", "MKV"),
        ("", "MKV"),
        ("nan", "MKV"),
        ("short", "MKV"),
        ("3", "MKV*"),
        ("12", "MKTAYIAKQR QI"),
        (str(CELL), CUT),
    ],
)
def test_a_matching_or_missing_length_is_no_fault(
    length: str, sequence: str, tmp_path: Path
) -> None:
    """Also of a chain as long as a spreadsheet's longest cell."""
    path = tmp_path / "d.csv"
    path.write_text(f"sequence,positions,length\n{sequence},2,{length}\n")

    (chain,), problems = read(path)

    assert problems == RecordErrors()
    assert chain.sequence == sequence.replace(" ", "").removesuffix("*")


def test_lengths_of_parquet_are_checked(tmp_path: Path) -> None:
    """Although only the needed columns are decoded."""
    columns: dict[str, Any] = {
        "sequence": ["MKV", "MKV"],
        "positions": [[2], [2]],
        "Length": [3, 4],
    }
    pyarrow.parquet.write_table(pa.table(columns), tmp_path / "d.parquet")

    chains, problems = read(tmp_path / "d.parquet")

    assert len(chains) == 1
    assert "says (4), got 3 (d.parquet, row 2)" in problems.records[0]
