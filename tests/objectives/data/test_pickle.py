"""Pickled data are refused with a remedy, and read like any table when allowed."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from objectives.data.errors import RecordErrors
from objectives.data.formats.source import open_source
from objectives.data.options import DataOptions
from objectives.data.prepare.prepare import prepare
from objectives.data.splits import Splits
from sweep.errors import DataError

COLUMNS: dict[str, list[Any]] = {
    "ID": ["a", "b"],
    "Sequence": ["MKV", "AAC"],
    "labels": [[0, 1, 0], "001"],
    "embedding": [np.ones(3), None],
}
ROWS = [dict(zip(COLUMNS, cells, strict=True)) for cells in zip(*COLUMNS.values(), strict=True)]
TABLES: dict[str, Any] = {
    "frame": pd.DataFrame(COLUMNS),
    "frame with an index": pd.DataFrame(COLUMNS, index=[7, 7]),
    "list of dicts": ROWS,
    "dict of columns": COLUMNS,
    "dict of series": {name: pd.Series(cells, index=[3, 1]) for name, cells in COLUMNS.items()},
    "arrays": {**COLUMNS, "labels": [np.array([0, 1, 0]), np.array([False, False, True])]},
    "NumPy numbers": {**COLUMNS, "labels": [[*np.array([0, 1, 0])], (0, 0, np.int8(1))]},
}


class Evil:
    """An object whose unpickling creates a file."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        """What a pickle can make its reader do."""
        return Path.touch, (self.marker,)


def dump(path: Path, value: object) -> Path:
    """Pickle a value."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(pickle.dumps(value))
    return path


def read(path: Path) -> tuple[Splits, RecordErrors]:
    """Read with pickles allowed."""
    problems = RecordErrors()
    return open_source(str(path), allow_pickle=True).read(problems), problems


@pytest.mark.parametrize("suffix", [".pkl", ".pickle", ".PKL"])
@pytest.mark.parametrize("kind", sorted(TABLES))
def test_an_allowed_pickle_is_read_like_a_table(tmp_path: Path, kind: str, suffix: str) -> None:
    """As pandas or plain Python objects."""
    splits, problems = read(dump(tmp_path / f"chains{suffix}", TABLES[kind]))

    assert problems == RecordErrors()
    assert [(c.id, c.sequence, c.labels) for c in splits.train] == [
        ("a", "MKV", (0, 1, 0)),
        ("b", "AAC", (0, 0, 1)),
    ]
    assert splits.train[1].source == f"chains{suffix}, row 2"


def test_a_frame_written_by_pandas_is_read(tmp_path: Path) -> None:
    """As ``DataFrame.to_pickle`` writes it, in a split folder."""
    (tmp_path / "train").mkdir()
    pd.DataFrame(COLUMNS).to_pickle(tmp_path / "train" / "chains.pkl")

    assert [chain.id for chain in read(tmp_path)[0].train] == ["a", "b"]


GIVEN = "positions must be given for every sequence, got None"


def test_missing_cells_are_faults_with_their_rows(tmp_path: Path) -> None:
    """NaN, NA, NaT and None are equal; in optional columns they mean missing."""
    frame = pd.DataFrame(
        {
            "sequence": ["MKV", float("nan"), "AAC", pd.NA, "MMM", "KKK"],
            "positions": [[1], [1], float("nan"), [1], pd.NaT, [1.0, float("nan")]],
            "id": [float("nan"), "b", "c", "d", "e", "f"],
            "ligand": [None, "ZN", "ZN", "ZN", "ZN", "ZN"],
        }
    )

    splits, problems = read(dump(tmp_path / "a.pkl", frame))

    (chain,) = splits.train
    assert chain.id.startswith("sequence-")
    assert chain.ligands == {}
    assert problems.files == []
    assert problems.records == [
        "sequence must hold at least one residue, got None (a.pkl, row 2).",
        f"{GIVEN} (a.pkl, row 3). Write [] where nothing binds.",
        "sequence must hold at least one residue, got None (a.pkl, row 4).",
        f"{GIVEN} (a.pkl, row 5). Write [] where nothing binds.",
        "positions must be whole numbers counted from 1, got 'nan' (a.pkl, row 6).",
    ]


@pytest.mark.parametrize("place", ["chains.pkl", "folder/chains.pickle", "folder/train/x.pkl"])
def test_pickled_data_are_refused_unopened_with_a_remedy(tmp_path: Path, place: str) -> None:
    """As a file, in a folder or in a split's folder; no code in it runs."""
    marker = tmp_path / "marker"
    path = dump(tmp_path / place, Evil(marker))
    source = path if place == "chains.pkl" else tmp_path / "folder"
    (path.parent / "chains.csv").write_text("sequence,labels\nMKV,010\n")

    with pytest.raises(
        DataError, match=rf"not be pickled.*got '{path.name}' .*Parquet or CSV, or give --allow-p"
    ) as caught:
        open_source(str(source))

    assert len(caught.value.faults) == 1
    assert not marker.exists()
    open_source(str(source), allow_pickle=True).read(RecordErrors())
    assert marker.exists(), "this pickle would not have shown that it was opened"


@pytest.mark.parametrize("allow_pickle", [False, True])
@pytest.mark.parametrize("suffix", [".pt", ".npy", ".npz", ".pth"])
def test_arrays_are_refused_with_the_supported_formats(
    tmp_path: Path,
    suffix: str,
    allow_pickle: bool,  # noqa: FBT001
) -> None:
    """As a file or in the folder, whether pickles are allowed or not."""
    path = dump(tmp_path / f"labels{suffix}", [1])
    message = rf"be in a format that is read \(\.txt, \.csv, .*got 'labels{suffix}'"
    (tmp_path / "chains.csv").write_text("sequence,labels\nMKV,010\n")

    for source in (path, tmp_path):
        with pytest.raises(DataError, match=message):
            open_source(str(source), allow_pickle=allow_pickle)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ([1, 2], r"a list of dicts or a dict of columns can be read, and this is a list"),
        ("MKV", r"and this is a str"),
        ({"sequence": 3}, r"TypeError: 'int' object is not iterable"),
        ({"sequence": ["A"], "labels": ["0", "1"]}, r"ValueError: All arrays must be"),
        ({}, r"columns must include 'sequence', got 'none'"),
        ([], r"columns must include 'sequence', got 'none'"),
        ({"sequence": ["A"], "Sequence": ["C"], "labels": ["1"]}, r"columns must name sequence on"),
    ],
)
def test_a_pickle_of_another_object_is_a_fault(tmp_path: Path, value: object, message: str) -> None:
    """The message lists the supported objects."""
    splits, problems = read(dump(tmp_path / "a.pkl", value))

    assert splits.train == []
    assert len([text for text in problems.files if message in text]) == 1


@pytest.mark.parametrize(
    "content",
    [b"", b"no pickle", pickle.dumps(ROWS)[:-20], b"cno_such_module\nname\n.", b"\x80\xff"],
)
def test_a_damaged_pickle_is_a_fault_of_the_file(tmp_path: Path, content: bytes) -> None:
    """Empty, text, truncated, or of a class that cannot be imported."""
    (tmp_path / "a.pkl").write_bytes(content)

    splits, problems = read(tmp_path / "a.pkl")

    assert splits.train == []
    assert len(problems.files) == 1
    assert problems.files[0].startswith("file must be readable, got ")
    assert problems.files[0].endswith(" (a.pkl).")


def test_the_option_applies(tokenizer: Any, tmp_path: Path) -> None:
    """The same chains, pickled or not, are the same data."""
    random = np.random.default_rng(0)
    rows = [
        {"sequence": "".join(random.choice(list("ACDEFGHIKLMNPQRSTVWY"), 40)), "positions": [1, 5]}
        for _ in range(10)
    ]
    pickled = dump(tmp_path / "chains.pkl", rows)
    pd.DataFrame(rows).to_parquet(tmp_path / "chains.parquet")
    arguments: dict[str, Any] = {
        "tokenizer": tokenizer,
        "base_limit": 1022,
        "cache": tmp_path / "cache",
    }

    with pytest.raises(DataError, match="not be pickled"):
        prepare(str(pickled), options=DataOptions(), **arguments)
    unsafe = prepare(str(pickled), options=DataOptions(allow_pickle=True), **arguments)
    safe = prepare(str(tmp_path / "chains.parquet"), options=DataOptions(), **arguments)

    assert unsafe.fingerprint == safe.fingerprint
