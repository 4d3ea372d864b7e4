"""Labels and positions in common notations: the correct reading, or one fault."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet
import pytest

from objectives.data.chain import IGNORED, Chain
from objectives.data.errors import RecordErrors
from objectives.data.formats.table import read_table
from objectives.data.formats.text import read_text
from sweep.errors import DataError

SEQUENCE = "MKTAYIAKQRQI"

POSITIONS: list[tuple[object, list[int]]] = [
    ("2 10", [2, 10]),
    ("2,10", [2, 10]),
    ("2;10", [2, 10]),
    ("[2, 10]", [2, 10]),
    ("(2, 10)", [2, 10]),
    ("[2 10]", [2, 10]),
    ("[ 2\n 10]", [2, 10]),
    ("2, 10,", [2, 10]),
    ("K2 R10", [2, 10]),
    ("['K2', 'R10']", [2, 10]),
    ("2.0 10.0", [2, 10]),
    ("[ 2. 10.]", [2, 10]),
    ("10", [10]),
    ("10.0", [10]),
    ("[]", []),
    ("()", []),
    ([2, 10], [2, 10]),
    ([2.0, 10.0], [2, 10]),
    (["K2", "R10"], [2, 10]),
    ([], []),
]
RANGE = "positions must be whole numbers counted from 1, got"
GIVEN = "positions must be given for every sequence, got"
BAD_POSITIONS: list[tuple[object, str]] = [
    ("[(2, 3), (5, 7)]", f"{RANGE} '(2, 3), (5, 7)'"),
    ("(2, 3), (5, 7)", f"{RANGE} '3), (5'"),
    ("[[2, 3]]", f"{RANGE} '[2, 3]'"),
    ("[2, 3", f"{RANGE} '[2'"),
    ("2, 3)", f"{RANGE} '3)'"),
    ("{2, 3}", f"{RANGE} '{{2, 3}}'"),
    ("array([2, 3])", f"{RANGE} 'array([2, 3])'"),
    ("2-3", f"{RANGE} '2-3'"),
    ("2..3", f"{RANGE} '2..3'"),
    ("2:3", f"{RANGE} '2:3'"),
    ("2\N{EN DASH}3", f"{RANGE} '2\N{EN DASH}3'"),
    ("2 to 3", f"{RANGE} 'to'"),
    ("[1 2 ... 9]", f"{RANGE} '...'"),
    ("2,,3", "positions must hold a value between commas, got '2,,3'"),
    (",2", "positions must hold a value between commas, got ',2'"),
    ("2.5", f"{RANGE} '2.5'"),
    ("-2", f"{RANGE} '-2'"),
    ([2.5], f"{RANGE} '2.5'"),
    ([[2, 3]], f"{RANGE} '[2, 3]'"),
    ([2, None], f"{RANGE} 'None'"),
    ([True], f"{RANGE} 'True'"),
    ("", f"{GIVEN} ''"),
    ("  ", f"{GIVEN} '  '"),
    ("nan", f"{GIVEN} 'nan'"),
    ("None", f"{GIVEN} 'None'"),
    ("NA", f"{GIVEN} 'NA'"),
    ("null", f"{GIVEN} 'null'"),
    ("-", f"{GIVEN} '-'"),
    (None, f"{GIVEN} None"),
]
LABELS: list[object] = [
    "010000000100",
    " 010000000100 ",
    "0 1 0 0 0 0 0 0 0 1 0 0",
    "0,1,0,0,0,0,0,0,0,1,0,0",
    "0100000001 00",
    "[0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0]",
    "[0 1 0 0 0 0 0 0 0 1 0 0]",
    "[0. 1. 0. 0. 0. 0. 0. 0. 0. 1. 0. 0.]",
    "0.0 1.0 0.0 0.0 0.0 0.0 0.0 0.0 0.0 1.0 0.0 0.0",
    "F T F F F F F F F T F F".replace("F", "False").replace("T", "True"),
    "FALSE;TRUE;" + "FALSE;" * 7 + "TRUE;FALSE;FALSE",
    [0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0],
    [0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0],
    [at in {1, 9} for at in range(12)],
]
BAD_LABELS: list[tuple[object, str]] = [
    ("[[0, 1, 0, 0, 0, 0], [0, 0, 0, 1, 0, 0]]", "labels must be 0, 1 or -100 (unknown), got"),
    ("[0, 1, 0, 0, 0, 0][0, 0, 0, 1, 0, 0]", "labels must be 0, 1 or -100 (unknown), got"),
    ("0,1,0,0,0,0,,0,0,0,1,0", "labels must hold a value between commas, got"),
    ([0.5] * 12, "labels must be 0, 1 or -100 (unknown), got '0.5'"),
    ("010000000.10", "labels must be 0, 1 or -100 (unknown), got '.'"),
    ("0100", "labels must be one per residue (12), got 4"),
    ("1.0", "labels must be one per residue (12), got 1"),
    ("", "labels must be given for every sequence, got ''"),
    ("NaN", "labels must be given for every sequence, got 'NaN'"),
    (None, "labels must be given for every sequence, got None"),
]


def from_lines(folder: Path, column: str, cell: object) -> tuple[list[Chain], RecordErrors]:
    """Read JSON Lines."""
    path = folder / "d.jsonl"
    path.write_text(json.dumps({"sequence": SEQUENCE, column: cell}) + "\n")
    problems = RecordErrors()
    return read_table(path, "d.jsonl", problems), problems


def from_csv(folder: Path, column: str, cell: object) -> tuple[list[Chain], RecordErrors]:
    """Read CSV, the cell as Python writes it."""
    path = folder / "d.csv"
    text = "" if cell is None else str(cell).replace('"', '""')
    path.write_text(f'sequence,{column}\n{SEQUENCE},"{text}"\n', encoding="utf-8", newline="")
    problems = RecordErrors()
    return read_table(path, "d.csv", problems), problems


@pytest.mark.parametrize("read", [from_lines, from_csv])
@pytest.mark.parametrize(("cell", "expected"), POSITIONS)
def test_positions_are_read(read: Any, cell: object, expected: list[int], tmp_path: Path) -> None:
    """In every notation of a list of numbers."""
    (chain,), problems = read(tmp_path, "positions", cell)

    assert problems == RecordErrors()
    assert [at + 1 for at, label in enumerate(chain.labels) if label] == expected
    assert set(chain.labels) <= {0, 1}


@pytest.mark.parametrize("read", [from_lines, from_csv])
@pytest.mark.parametrize(("cell", "message"), BAD_POSITIONS)
def test_unknown_notations_of_positions_are_faults(
    read: Any, cell: object, message: str, tmp_path: Path
) -> None:
    """Ranges, pairs and blanks are not guessed."""
    chains, problems = read(tmp_path, "positions", cell)

    assert chains == []
    assert (problems.files, len(problems.records)) == ([], 1)
    if read is from_lines:
        assert problems.records[0].startswith(message)
        assert "(d.jsonl, line 1)." in problems.records[0]
    if message.startswith(GIVEN):
        assert problems.records[0].endswith(" Write [] where nothing binds.")


@pytest.mark.parametrize("read", [from_lines, from_csv])
@pytest.mark.parametrize("cell", LABELS)
def test_labels_are_read(read: Any, cell: object, tmp_path: Path) -> None:
    """As digits, floats and booleans."""
    (chain,), problems = read(tmp_path, "labels", cell)

    assert problems == RecordErrors()
    assert chain.labels == (0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0)


@pytest.mark.parametrize(("cell", "message"), BAD_LABELS)
def test_unknown_notations_of_labels_are_faults(cell: object, message: str, tmp_path: Path) -> None:
    """Nested, with gaps, or missing."""
    chains, problems = from_lines(tmp_path, "labels", cell)

    assert chains == []
    assert problems.records[0].startswith(message)


def test_floats_of_parquet_are_read(tmp_path: Path) -> None:
    """Arrow keeps a list that once held a null as floats."""
    for column, cells in (("labels", [0.0, IGNORED, 1.0]), ("positions", [3.0])):
        path = tmp_path / f"{column}.parquet"
        pyarrow.parquet.write_table(pa.table({"sequence": ["MKV"], column: [cells]}), path)
        problems = RecordErrors()
        (chain,) = read_table(path, path.name, problems)

        assert problems == RecordErrors()
        assert chain.labels == (0, IGNORED if column == "labels" else 0, 1)


FROM_ZERO = (
    "must be counted from 1, got {got} ({where}). A 0 means that the whole file counts from 0: add "
    "1 to every position in it, or write [] if 0 stands for no site."
)


@pytest.mark.parametrize(
    ("name", "text", "got", "where"),
    [
        ("d.csv", 'sequence,positions\nMKV,"1, 2"\nMKV,"0, 2"\nMKV,0\n', "'0, 2'", "d.csv, line 3"),
        ("d.jsonl", '{"sequence": "MKV", "positions": [2, 0]}\n', "'2, 0'", "d.jsonl, line 1"),
        ("d.jsonl", '{"sequence": "MKV", "positions": [0.0]}\n', "'0.0'", "d.jsonl, line 1"),
        ("d.tsv", "sequence\tpositions\nMKV\tM0 V2\n", "'M0, V2'", "d.tsv, line 2"),
        ("ZN_x.txt", "1ABC;A;K2;MKV\n2ABC;A;M0;MKV\n", "'M0'", "ZN_x.txt, line 2"),
    ],
)
def test_a_zero_among_positions_is_a_fault_of_the_file(
    name: str, text: str, got: str, where: str, tmp_path: Path
) -> None:
    """Reported once, and not avoidable by skipping bad records."""
    path = tmp_path / name
    path.write_text(text)
    problems = RecordErrors()
    (read_text if name.endswith(".txt") else read_table)(path, name, problems)

    assert problems.records == []
    assert len(problems.files) == 1
    assert problems.files[0].endswith(FROM_ZERO.format(got=got, where=where))
    with pytest.raises(DataError) as caught:
        problems.settle("data", skip_bad=True)
    assert "--skip-bad" not in str(caught.value)


def test_skipping_is_not_offered_if_every_record_is_bad() -> None:
    """No chain would remain."""
    problems = RecordErrors(records=["one.", "two."])

    with pytest.raises(DataError, match=r"'2 bad' \(data\)\. Correct them\.\n"):
        problems.settle("data", skip_bad=False, sound=False)
