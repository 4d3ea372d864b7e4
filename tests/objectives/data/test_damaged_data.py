"""Damaged and odd data files: one message each with file and row, or the correct reading."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet
import pytest

from objectives.data.errors import RecordErrors
from objectives.data.formats.source import open_source
from objectives.data.splits import Splits
from sweep.errors import DataError

CSV = "id,sequence,labels\na,MKV,010\nb,AAC,001\n"
NAN = float("nan")


def read(path: Path) -> tuple[Splits, RecordErrors]:
    """The chains of a source, and its faults."""
    problems = RecordErrors()
    return open_source(str(path)).read(problems), problems


def parquet(path: Path, **columns: Any) -> Path:
    """A Parquet file of columns."""
    pyarrow.parquet.write_table(pa.table(columns), path)
    return path


FILES: dict[str, tuple[str, bytes, str]] = {
    "Latin-1": ("a.csv", CSV.replace("a,", "é,").encode("latin-1"), "0xe9 .* Save it as UTF-8"),
    "UTF-16 without a mark": ("a.csv", CSV.encode("utf-16-le"), "UTF-16 .* Save it as UTF-8"),
    "Latin-1 text": ("a.txt", "1ABC;A;M1;MÉ".encode("latin-1"), "0xc9 .* Save it as UTF-8"),
    "truncated Parquet": ("a.parquet", b"PAR1\x00\x15\x04", r"file must be readable, got 'Arrow"),
    "empty Parquet": ("a.parquet", b"", "file must hold chains, got 'an empty file'"),
    "empty CSV": ("a.csv", b"", "file must hold chains, got 'an empty file'"),
    "blank lines": ("a.jsonl", b"\n\n", "columns must include 'sequence', got 'none'"),
    "unclosed quote": ("a.csv", b'sequence,labels\nMKV,010\n"AAC,001\n', "line 3: unexpected end"),
    "text after a quote": ("a.csv", b'sequence,labels\n"MKV"x,010\n', "line 2: .* expected after"),
    "doubled column": ("a.csv", b"sequence,labels,labels\nMKV,010,010\n", "name labels once"),
    "doubled but for case": ("a.tsv", b"Sequence\tsequence\tlabels\n", "name sequence once"),
    "headerless CSV": ("a.csv", b"a," + b"M" * 9000 + b",0\n", r"got 'a, m{77}\.\.\.'"),
}
RECORDS: dict[str, tuple[str, bytes, str]] = {
    "NUL in a sequence": ("a.csv", CSV.replace("AAC", "A\0C").encode(), r"'\x00' (a.csv, line 3)"),
    "ragged row": ("a.csv", (CSV + "c,MMM\n").encode(), "got 2 (a.csv, line 4)"),
    "endless cell": ("a.csv", (CSV + "A" * 200_000).encode(), "3 cells, as the header does, got 1"),
    "row too long": ("a.csv", (CSV + "c,MMM,000,1\n").encode(), "got 4 (a.csv, line 4)"),
    "empty sequence": ("a.csv", (CSV + "c,,000\n").encode(), "got '' (a.csv, line 4)"),
    "empty labels": (
        "a.csv",
        (CSV + "c,MMM,\n").encode(),
        "labels must be given for every sequence, got '' (a",
    ),
    "NaN labels": (
        "a.csv",
        (CSV + "c,MMM,nan\n").encode(),
        "every sequence, got 'nan' (a.csv, line 4)",
    ),
    "float labels": ("a.csv", (CSV + "c,MMM,0.5 1.0 0\n").encode(), "got '0.5' (a.csv, line 4)"),
    "one float": ("a.csv", (CSV + "c,MMM,1.0\n").encode(), "labels must be one per residue (3)"),
    "sharp s": ("a.csv", (CSV + "c,MMß,0000\n").encode(), "residue 3), got 'ß' (a.csv, line 4)"),
    "ligature": ("a.csv", (CSV + "c,Mﬁ,000\n").encode(), "residue 2), got 'ﬁ' (a.csv, line 4)"),
}
GOOD = '{"sequence": "MKV", "labels": "010"}\n'
LINES: dict[str, tuple[str, str]] = {
    "list": ("[1, 2]", "line must be a JSON object, got [1, 2] (a.jsonl, line 2)."),
    "number": ("3", "line must be a JSON object, got 3 (a.jsonl, line 2)."),
    "null": ("null", "line must be a JSON object, got None"),
    "cut short": ('{"sequence": "MK', "line must be JSON, got 'Unterminated string"),
    "endless nesting": ("[" * 50_000, "line must be JSON, got 'maximum recursion"),
    "endless number": ("9" * 5000, "line must be JSON, got 'Exceeds the limit"),
    "doubled name": (
        '{"sequence": "MKV", "labels": "010", "Labels": "000"}',
        "line must name each column once, got 'labels' (a.jsonl, line 2).",
    ),
    "long list": (json.dumps(["A" * 500] * 500), "line must be a JSON object, got ['AAA"),
    "sequence a list": ('{"sequence": ["M"], "labels": "0"}', "be text, one letter per residue"),
    "sequence NaN": ('{"sequence": NaN, "labels": "0"}', "one letter per residue, got nan"),
    "sequence null": ('{"sequence": null, "labels": "0"}', "at least one residue, got None"),
    "labels NaN": ('{"sequence": "MKV", "labels": NaN}', "a string of 0 and 1 or a list, got nan"),
    "labels null": ('{"sequence": "MKV", "labels": null}', "given for every sequence, got None"),
    "labels empty": ('{"sequence": "MKV", "labels": []}', "be one per residue (3), got 0"),
    "labels floats": ('{"sequence": "MK", "labels": [0.0, 0.5]}', "unknown), got '0.5' (a"),
    "labels with NaN": ('{"sequence": "MK", "labels": [0, NaN]}', "(unknown), got 'nan'"),
    "labels with null": ('{"sequence": "MK", "labels": [0, null]}', "(unknown), got 'None'"),
    "labels nested": ('{"sequence": "MK", "labels": [[0], {"a": 1}]}', '(unknown), got "[0], {'),
    "labels an object": ('{"sequence": "MK", "labels": {"0": 1}}', "or a list, got {'0': 1}"),
    "long labels": (
        json.dumps({"sequence": "MK", "labels": ["x" * 999] * 9}),
        "(unknown), got 'xxxx",
    ),
    "id an object": ('{"sequence": "MK", "labels": "01", "id": {}}', "id must be text or a number"),
    "id half a pair": (
        '{"sequence": "MK", "labels": "01", "id": "\\ud800"}',
        "id must be text, got '\\ud800'",
    ),
    "ligand half a pair": (
        '{"sequence": "MK", "labels": "01", "ligand": "\\udfff"}',
        "ligand must be text",
    ),
}
POSITIONS: dict[str, tuple[object, str]] = {
    "null": (None, "positions must be given for every sequence, got None"),
    "NaN": (NAN, "be a list of 1-based positions, got nan"),
    "floats": ([1.5], "be whole numbers counted from 1, got '1.5'"),
    "a null in it": ([1, None], "be whole numbers counted from 1, got 'None'"),
    "many digits": ("0" * 9 + "1" + "0" * 9000, "lie in 1 to 3, the sequence's length"),
    "wraps around": ("1" + "0" * 18 + "1", "lie in 1 to 3, the sequence's length"),
    "superscript": ("²", "be whole numbers counted from 1, got '²'"),
    "a number": (2, "be a list of 1-based positions, got 2"),
}


@pytest.mark.parametrize("case", sorted(FILES))
def test_a_damaged_file_is_a_fault_of_the_file(tmp_path: Path, case: str) -> None:
    """It cannot be skipped row by row, and the message gives the position."""
    name, content, message = FILES[case]
    (tmp_path / name).write_bytes(content)

    splits, problems = read(tmp_path / name)

    assert splits.train == []
    with pytest.raises(DataError, match=message) as caught:
        problems.settle("data", skip_bad=True)
    assert f"({name})" in str(caught.value)
    assert len(str(caught.value)) < 900


@pytest.mark.parametrize("case", sorted(RECORDS))
def test_a_bad_cell_is_a_fault_of_its_row(tmp_path: Path, case: str) -> None:
    """The valid rows are read; the bad one is reported, or counted with --skip-bad."""
    name, content, message = RECORDS[case]
    (tmp_path / name).write_bytes(content)

    splits, problems = read(tmp_path / name)

    assert 1 <= len(splits.train) <= 2
    assert problems.files == []
    assert len(problems.records) == 1
    assert message in problems.records[0]


@pytest.mark.parametrize("case", sorted(LINES))
def test_a_bad_line_is_a_fault_of_its_row(tmp_path: Path, case: str) -> None:
    """Valid JSON values that are no chain."""
    line, message = LINES[case]
    (tmp_path / "a.jsonl").write_text(GOOD + line + "\n" + GOOD)

    splits, problems = read(tmp_path / "a.jsonl")

    assert len(splits.train) == 2
    assert problems.files == []
    assert len(problems.records) == 1
    assert message in problems.records[0]
    assert "(a.jsonl, line 2)" in problems.records[0]
    assert len(problems.records[0]) < 900


@pytest.mark.parametrize("case", sorted(POSITIONS))
def test_bad_positions_are_a_fault_of_their_row(tmp_path: Path, case: str) -> None:
    """NaN, floats and numbers out of any range."""
    value, message = POSITIONS[case]
    row = json.dumps({"sequence": "MKV", "positions": value})
    (tmp_path / "a.jsonl").write_text('{"sequence": "MKV", "positions": [1]}\n' + row + "\n")

    splits, problems = read(tmp_path / "a.jsonl")

    assert [chain.labels for chain in splits.train] == [(1, 0, 0)]
    assert len(problems.records) == 1
    assert message in problems.records[0]
    assert "(a.jsonl, line 2)" in problems.records[0]


def test_a_missing_id_or_ligand_is_none(tmp_path: Path) -> None:
    """NaN in an optional column is not a chain named "nan"."""
    path = parquet(
        tmp_path / "a.parquet",
        sequence=["MKV", "AAC"],
        labels=["010", "001"],
        id=pa.array([NAN, 7.0]),
        ligand=pa.array([None, "ZN"]),
    )

    splits, problems = read(path)

    assert problems == RecordErrors()
    assert splits.train[0].id.startswith("sequence-")
    assert [dict(chain.ligands) for chain in splits.train] == [{}, {"ZN": (2,)}]


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"labels": pa.array([b"010", b"001"])}, "string of 0 and 1 or a list, got b'010'"),
        ({"labels": pa.array([[0.0, 0.5, 0.0], None])}, "got '0.5' (a.parquet, row 1)"),
        ({"positions": pa.array([1.0, NAN])}, "1-based positions, got nan (a.parquet, row 2)"),
    ],
)
def test_parquet_cells_of_another_type_are_faults_of_their_rows(
    tmp_path: Path, columns: dict[str, Any], message: str
) -> None:
    """Bytes and floats are no labels; both rows are reported."""
    path = parquet(tmp_path / "a.parquet", sequence=["MKV", "AAC"], **columns)

    _, problems = read(path)

    assert len(problems.records) == 2
    assert message in "\n".join(problems.records)


def test_duplicate_parquet_columns_are_refused(tmp_path: Path) -> None:
    """Arrow allows them, a row cannot hold them; irrelevant columns may be duplicated."""
    table = pa.table([["MKV"], ["010"], ["000"]], names=["sequence", "labels", "Labels"])
    pyarrow.parquet.write_table(table, tmp_path / "a.parquet")
    duplicated = pa.table([["MKV"], ["010"], [1], [2]], names=["sequence", "labels", "x", "x"])
    pyarrow.parquet.write_table(duplicated, tmp_path / "b.parquet")

    assert "name labels once" in read(tmp_path / "a.parquet")[1].files[0]
    assert read(tmp_path / "b.parquet")[1] == RecordErrors()


@pytest.mark.parametrize("keep", [0.1, 0.5, 0.9, 0.999])
def test_parquet_cut_short_anywhere_is_one_fault(tmp_path: Path, keep: float) -> None:
    """As after an interrupted download."""
    path = parquet(tmp_path / "a.parquet", sequence=["MKV"] * 500, labels=["010"] * 500)
    os.truncate(path, int(path.stat().st_size * keep))

    assert read(path)[1].files[0].startswith("file must be readable, got 'ArrowInvalid")
