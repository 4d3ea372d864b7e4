"""CSV, TSV, JSON Lines and Parquet."""

from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet
import pytest
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from objectives.data.errors import RecordErrors
from objectives.data.formats.table import READERS, read_table
from objectives.data.protein import is_missing, other_kind

if TYPE_CHECKING:
    from pathlib import Path

    from objectives.data.chain import Chain


def write(path: Path, rows: list[dict[str, Any]]) -> None:
    """Write rows as other programs do."""
    suffix = path.suffix
    if suffix in {".csv", ".tsv", ".tab"}:
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(
                file, list(rows[0]), delimiter="," if suffix == ".csv" else "\t"
            )
            writer.writeheader()
            writer.writerows(rows)
    elif suffix == ".parquet":
        pyarrow.parquet.write_table(pa.Table.from_pylist(rows), path)
    else:
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def read(path: Path) -> tuple[list[Chain], RecordErrors]:
    """The chains of a file, and its faults."""
    problems = RecordErrors()
    return read_table(path, path.name, problems), problems


@st.composite
def rows(draw: st.DrawFn) -> dict[str, Any]:
    """A row with labels as a string, and the same labels as a list and positions."""
    letters = st.text("ACDEFGHIKLMNPQRSTVWY", min_size=1, max_size=30)
    sequence = draw(letters.filter(lambda text: not is_missing(text) and not other_kind(text)))
    size = len(sequence)
    labels = draw(st.lists(st.sampled_from([0, 1]), min_size=size, max_size=size))
    return {"id": draw(st.text("abc123_,;\"' é", max_size=6)), "sequence": sequence, "list": labels}


@pytest.mark.parametrize("suffix", sorted(READERS))
@pytest.mark.parametrize("notation", ["string", "list", "positions"])
@given(cases=st.lists(rows(), min_size=1, max_size=5))
@settings(deadline=None, max_examples=examples(15))
def test_written_data_are_read_back(
    tmp_path_factory: pytest.TempPathFactory,
    suffix: str,
    notation: str,
    cases: list[dict[str, Any]],
) -> None:
    """Labels survive every format in every notation, leading zeros too."""
    cells = {
        "string": lambda labels: {"labels": "".join(map(str, labels))},
        "list": lambda labels: {"labels": labels},
        "positions": lambda labels: {"positions": [i + 1 for i, one in enumerate(labels) if one]},
    }[notation]
    path = tmp_path_factory.mktemp("table") / f"chains{suffix}"
    write(
        path,
        [
            {"id": c["id"], "sequence": c["sequence"], "extra": 1.5, **cells(c["list"])}
            for c in cases
        ],
    )

    chains, problems = read(path)

    assert problems == RecordErrors()
    assert [(chain.sequence, list(chain.labels)) for chain in chains] == [
        (case["sequence"], case["list"]) for case in cases
    ]
    assert [chain.id for chain, case in zip(chains, cases, strict=True) if case["id"].strip()] == [
        case["id"].strip() for case in cases if case["id"].strip()
    ]


def test_column_names_may_be_capitalised_and_the_ligand_is_kept(tmp_path: Path) -> None:
    """``Sequence`` is ``sequence``."""
    path = tmp_path / "a.tsv"
    path.write_text("Sequence\tPositions\tLigand\nMKV\t1,3\tATP\n")

    chains, problems = read(path)

    assert problems == RecordErrors()
    assert chains[0].ligands == {"ATP": (0, 2)}


@pytest.mark.parametrize(
    ("suffix", "text", "message"),
    [
        (".csv", "sequence,labels\nMKV,010\nMKV,01\n", "(a.csv, line 3)"),
        (
            ".csv",
            "sequence,labels\nMKV,010\nMKV\n",
            "row must have 2 cells, as the header does, got 1",
        ),
        (".tsv", "sequence\tpositions\nAAA\t2\n\nMKV\t4\n", "(a.tsv, line 4)"),
        (".jsonl", '{"sequence": "MKV", "labels": "010"}\n{"sequence"\n', "line must be JSON"),
        (".jsonl", '{"sequence": "MKV", "labels": "010"}\n[1]\n', "line must be a JSON object"),
        (
            ".jsonl",
            '{"sequence": "MKV", "labels": "010"}\n{"sequence": "MKV"}\n',
            "labels must be given for every sequence, got None (a.jsonl, line 2)",
        ),
    ],
)
def test_a_bad_row_is_reported_and_the_rest_is_read(
    tmp_path: Path, suffix: str, text: str, message: str
) -> None:
    """The valid first row is read, the bad one is reported with its line."""
    path = tmp_path / f"a{suffix}"
    path.write_text(text)

    chains, problems = read(path)

    assert len(chains) == 1
    assert len(problems.records) == 1
    assert message in problems.records[0]


def test_a_bad_parquet_row_is_reported_by_its_number(tmp_path: Path) -> None:
    """Parquet has no lines; rows count from 1."""
    path = tmp_path / "a.parquet"
    write(path, [{"sequence": "MKV", "labels": "010"}, {"sequence": "M*V", "labels": "010"}])

    assert "(a.parquet, row 2)" in read(path)[1].records[0]


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("seq,labels", "columns must include 'sequence', got 'seq, labels' (a.csv)"),
        ("sequence,y", "columns must include exactly one of 'labels'"),
        ("sequence,labels,positions", "got 'sequence, labels, positions' (a.csv)"),
        ("", "got 'an empty file' (a.csv)"),
    ],
)
def test_wrong_columns_are_a_fault_that_lists_the_columns(
    tmp_path: Path, header: str, message: str
) -> None:
    """A missing or duplicate column cannot be skipped."""
    path = tmp_path / "a.csv"
    path.write_text(f"{header}\nMKV,010,1\n" if header else "")

    chains, problems = read(path)

    assert chains == []
    assert any(message in text for text in problems.files)


@pytest.mark.parametrize("suffix", sorted(READERS))
def test_unreadable_file_is_a_fault_of_the_file(tmp_path: Path, suffix: str) -> None:
    """Invalid bytes give a message, not a traceback."""
    path = tmp_path / f"a{suffix}"
    path.write_bytes(b"\x80\xfe\x01 no table")

    chains, problems = read(path)

    assert chains == []
    expected = "file must be Parquet" if suffix == ".parquet" else "file must be readable, got "
    assert problems.files[0].startswith(expected)
