"""Splits named by the data are used, and names that are not understood are errors."""

from __future__ import annotations

import bz2
import gzip
import json
from pathlib import Path
from typing import Any

import datasets
import pytest
from relatives import unlike

from objectives.data.errors import RecordErrors
from objectives.data.formats.source import open_source
from objectives.data.options import DataOptions
from objectives.data.prepare.divide import divide
from sweep.errors import DataError

SEQUENCES = unlike(12, 40)
ROWS = [(f"p{at}", sequence, "1" + "0" * 39) for at, sequence in enumerate(SEQUENCES)]
PARTS = {"train": slice(0, 8), "validation": slice(8, 10), "test": slice(10, 12)}
SPLITS = ["train"] * 8 + ["validation"] * 2 + ["test"] * 2


def csv(part: slice, delimiter: str = ",") -> str:
    """A table of some of the rows."""
    lines = [("id", "sequence", "labels"), *ROWS[part]]
    return "".join(delimiter.join(line) + "\n" for line in lines)


def text(part: slice) -> str:
    """The same in the text format."""
    return "".join(f"{at}abc;A;{row[1][0]}1;{row[1]}\n" for at, row in enumerate(ROWS[part]))


def fasta(part: slice, *, labels: bool = True) -> str:
    """The same as FASTA."""
    return "".join(f">{row[0]}\n{row[1]}\n" + f"{row[2]}\n" * labels for row in ROWS[part])


def with_columns(**columns: list[Any]) -> str:
    """All rows as CSV with additional columns."""
    head = ",".join(["sequence", "labels", *columns])
    lines = (
        ",".join(map(str, [*row[1:], *more]))
        for row, *more in zip(ROWS, *columns.values(), strict=True)
    )
    return "\n".join([head, *lines]) + "\n"


def fill(root: Path, files: dict[str, str | bytes]) -> Path:
    """Write files below a folder."""
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return root


def three(train: str, validation: str, test: str) -> dict[str, str | bytes]:
    """One file per split."""
    names = {"train": train, "validation": validation, "test": test}
    make = {"txt": text, "fa": fasta}
    return {name: make.get(name.split(".")[1], csv)(PARTS[split]) for split, name in names.items()}


def read(root: Path) -> tuple[dict[str, int], RecordErrors]:
    """Chains by split, and the notes on the data."""
    problems = RecordErrors()
    splits = open_source(str(root)).read(problems)
    return {name: len(chains) for name, chains in splits.given().items()}, problems


T, V, X = "train", "validation", "test"
FLIP = ["train"] * 10 + ["test"] * 2
HEADERS = ["SET=train"] * 8 + ["SET=train VALIDATION=True"] * 2 + ["SET=test VALIDATION=False"] * 2
WORDS = ["training"] * 8 + ["Val"] * 2 + ["testing"] * 2
HONOURED: dict[str, dict[str, str | bytes]] = {
    "dev": three("train.csv", "dev.csv", "test.csv"),
    "capitals": three("TRAIN.csv", "Valid.csv", "TEST.csv"),
    "sets": three("my_train_set.csv", "my_val_set.csv", "protein_test_set.csv"),
    "shards": three(
        f"{T}-00000-of-00001.csv", f"{V}-00000-of-00001.csv", f"{X}-00000-of-00001.csv"
    ),
    "Hub layout": three("data/train-0.csv", "data/eval-0.csv", "data/test-0.csv"),
    "folders": three("training/a.csv", "val/a.csv", "testing/a.csv"),
    "deep folders": three("x/train/ATP/a.csv", "x/dev/ATP/a.csv", "x/test/ATP/a.csv"),
    "Hive folders": three("split=train/a.csv", "split=val/a.csv", "split=test/a.csv"),
    "text format": three("ATP_Training.txt", "ATP_Validation.txt", "ATP_Testing.txt"),
    "split first": three("train_ATP.txt", "val_ATP.txt", "test_ATP.txt"),
    "FASTA": three("train.fa", "valid.fa", "test.fa"),
    "FASTA beside tables": three("train.csv", "valid.csv", "test.fa"),
    "other suffixes": {
        "train.tab": csv(PARTS[T], "\t"),
        "validation.csv.gz": gzip.compress(csv(PARTS[V]).encode()),
        "test.fa.bz2": bz2.compress(fasta(PARTS[X]).encode()),
    },
    "root beside folders": three("train/a.csv", "valid.csv", "test.csv"),
    "split column": {"d.csv": with_columns(Split=SPLITS)},
    "partition column": {"d.csv": with_columns(partition=["Training"] * 8 + ["VAL"] * 2 + [X] * 2)},
    "subset column": {"d.csv": with_columns(subset=SPLITS, dataset=["CASP12"] * 12)},
    "FLIP": {"d.csv": with_columns(set=FLIP, validation=[""] * 8 + ["True"] * 2 + [""] * 2)},
    "flags": {
        "d.csv": with_columns(is_test=[0] * 10 + [1] * 2, is_val=[0.0] * 8 + [1.0] * 2 + [0.0] * 2)
    },
    "JSON Lines column": {
        "d.jsonl": "".join(
            json.dumps({"sequence": row[1], "labels": row[2], "split": split}) + "\n"
            for row, split in zip(ROWS, SPLITS, strict=True)
        )
    },
    "UniProt column": {
        "d.tsv": "Entry\tSequence\tBinding site\tSet\n"
        + "".join(
            f'{row[0]}\t{row[1]}\tBINDING 3; /ligand="ATP"\t{split}\n'
            for row, split in zip(ROWS, SPLITS, strict=True)
        )
    },
    "headers": {
        "d.fasta": "".join(
            f">{row[0]} {cell}\n{row[1]}\n{row[2]}\n"
            for row, cell in zip(ROWS, HEADERS, strict=True)
        )
    },
    "headers' fields without a key": {
        "d.fasta": "".join(
            f">{row[0]}|1|{cell}\n{row[1]}\n{row[2]}\n"
            for row, cell in zip(
                ROWS, ["training"] * 8 + ["Val"] * 2 + ["testing"] * 2, strict=True
            )
        )
    },
    "headers' only word": {
        "d.fasta": "".join(
            f">{row[0]} {cell}\n{row[1]}\n{row[2]}\n"
            for row, cell in zip(ROWS, SPLITS, strict=True)
        )
    },
    "headers with targets": {
        "d.fasta": "".join(
            f">{row[0]} TARGET={row[2]} {cell} MASK={'1' * 40}\n{row[1]}\n"
            for row, cell in zip(ROWS, HEADERS, strict=True)
        )
    },
    "validation rows in a file that trains": {
        "train.csv": "".join(with_columns(set=SPLITS).splitlines(keepends=True)[:11]),
        "test.csv": csv(PARTS[X]),
    },
}


@pytest.mark.parametrize("case", sorted(HONOURED))
def test_the_split_named_by_the_data_is_used(tmp_path: Path, case: str) -> None:
    """8, 2 and 2 of the 12 chains, and the files are noted with their numbers."""
    counts, problems = read(fill(tmp_path, HONOURED[case]))

    assert (problems.files, problems.records) == ([], [])
    assert counts == {"train": 8, "validation": 2, "test": 2}
    assert {name: sum(files.values()) for name, files in problems.read.items()} == counts


def test_the_ligand_is_the_rest_of_the_file_name(tmp_path: Path) -> None:
    """Without the word for the split, in either order."""
    for case in ("text format", "split first"):
        root = fill(tmp_path / case, HONOURED[case])
        splits = open_source(str(root)).read(RecordErrors())
        assert {tuple(c.ligands) for each in splits.given().values() for c in each} == {("ATP",)}


@pytest.mark.parametrize("first", ["valid", "dev", "val", "eval", "validation"])
def test_every_key_of_a_saved_data_set_is_used(tmp_path: Path, first: str) -> None:
    """Two keys of one split are read together."""
    tables = {
        key: datasets.Dataset.from_dict(
            {"sequence": SEQUENCES[part], "labels": ["1" + "0" * 39] * len(SEQUENCES[part])}
        )
        for key, part in {"train": slice(8), first: slice(8, 10), "test_a": slice(10, 11)}.items()
    }
    tables["test_b"] = datasets.Dataset.from_dict(
        {"sequence": SEQUENCES[11:], "labels": ["1" + "0" * 39]}
    )
    datasets.DatasetDict(tables).save_to_disk(tmp_path / "saved")

    counts, problems = read(tmp_path / "saved")

    assert counts == {"train": 8, "validation": 2, "test": 2}
    assert problems.read["test"] == {"test_a": 1, "test_b": 1}


REFUSED: dict[str, tuple[dict[str, str | bytes], str]] = {
    "two splits": (three("train.csv", "test_train.csv", "test.csv"), "test_train.csv, which names"),
    "a fold": (three("train_fold1.csv", "val.csv", "test.csv"), "which names 'fold1'"),
    "folds": (three("fold1/train.csv", "fold1/val.csv", "fold2/train.csv"), "names 'fold1'"),
    "held out": (three("train.csv", "valid.csv", "holdout.csv"), "holdout.csv, which names"),
    "a folder that contradicts": (three("train/a.csv", "train/val.csv", "test/a.csv"), "train and"),
    "Excel": (
        {"train.csv": csv(PARTS[T]), "test.xlsx": "x"},
        "got 'test.xlsx, which is named after test and is of no format that is read'",
    ),
    "a zip archive": ({"train.csv": csv(PARTS[T]), "test.zip": "x"}, "got 'test.zip, which"),
    "no suffix": ({"train.csv": csv(PARTS[T]), "test": "x"}, "got 'test, which is named after"),
    "an old copy": ({"train.csv": csv(PARTS[T]), "valid.csv.bak": "x"}, "named after validation"),
    "FASTA without labels": (
        {"train.csv": csv(PARTS[T]), "test.fasta": fasta(PARTS[X], labels=False)},
        "test.fasta, which is named after test and is FASTA without labels beside tables",
    ),
    "arrow tables": (
        {"train.csv": csv(PARTS[T]), "test/data.arrow": "x", "test/state.json": "{}"},
        "named after test and is a folder of datasets.save_to_disk",
    ),
    "column values": (
        {"d.csv": with_columns(split=["train"] * 10 + ["holdout", "fold3"])},
        "column 'split' must name a split in each row",
    ),
    "cross-validation folds": ({"d.csv": with_columns(fold=list(range(12)))}, "column 'fold'"),
    "numbered partitions": ({"d.csv": with_columns(partition=[0, 1] * 6)}, "'partition' must"),
    "a blank split": ({"d.csv": with_columns(set=["train"] * 11 + [""])}, "(d.csv, line 13)"),
    "no boolean": ({"d.csv": with_columns(test=["maybe"] * 12)}, "column 'test' must be true or"),
    "not train, but what": ({"d.csv": with_columns(is_train=[1] * 8 + [0] * 4)}, "is_train '0'"),
    "columns that contradict": (
        {"d.csv": with_columns(split_a=SPLITS, split_b=SPLITS[::-1])},
        "name one split in each row",
    ),
    "a row that contradicts its file": (
        {"train.csv": csv(PARTS[T]), "test.csv": with_columns(set=SPLITS)},
        "row must be of the split that its file names, test, got 'train'",
    ),
    "a header's word": ({"d.fasta": ">a SET=holdout\nMKV\n010\n"}, "column 'set' must name"),
    "a header's field without a key": (
        {
            "d.fasta": "".join(
                f">{at}|independent\n{row[1]}\n{row[2]}\n" for at, row in enumerate(ROWS)
            )
        },
        "column 'set' must name",
    ),
    "a header without the field": (
        {"d.fasta": fasta(PARTS[T]) + ">x|test\nMKV\n010\n"},
        "got \"''\" (d.fasta, line 1)",
    ),
    "a header that says it twice": (
        {"d.fasta": fasta(PARTS[T]) + ">x|test SET=train\nMKV\n010\n"},
        "column 'set' must name",
    ),
    "cv": ({"d.csv": with_columns(cv=list(range(12)))}, "column 'cv' must name"),
    "nothing trains": (
        {"d.csv": with_columns(set=["test"] * 12)},
        "hold chains that train, got '12",
    ),
    "a mask": ({"d.fasta": ">a MASK=11\nMKV\n010\n"}, "MASK must be one 0 or 1 a residue (3)"),
    "a target": ({"d.fasta": ">a TARGET=Membrane\nMKV\n"}, "TARGET must be one 0, 1 or - a"),
}


@pytest.mark.parametrize("case", sorted(REFUSED))
def test_an_unknown_split_name_is_an_error(tmp_path: Path, case: str) -> None:
    """Otherwise it would be trained on; also when bad records are skipped."""
    files, expected = REFUSED[case]
    root = fill(tmp_path, files)

    def settle() -> None:
        problems = RecordErrors()
        open_source(str(root)).read(problems)
        problems.settle("data", skip_bad="TARGET" not in expected and "MASK" not in expected)

    with pytest.raises(DataError) as raised:
        settle()

    assert expected in str(raised.value)


def test_ids_that_name_splits_are_refused_if_nothing_else_names_them(tmp_path: Path) -> None:
    """Otherwise test chains would train; one-word ids, and ids beside a split column, pass."""
    ids = [f"{split}_{at}" for at, split in enumerate(SPLITS)]
    named = fill(tmp_path / "named", {"d.csv": with_columns(id=ids)})
    beside = fill(tmp_path / "beside", {"d.csv": with_columns(id=ids, split=SPLITS)})
    tests = fill(tmp_path / "tests", {"d.csv": with_columns(id=[f"test_{at}" for at in range(12)])})

    with pytest.raises(DataError, match=r"^ids must not name splits that no file"):
        divide(open_source(str(named)), "data", DataOptions())
    assert len(divide(open_source(str(beside)), "data", DataOptions()).splits.test or []) == 2
    assert divide(open_source(str(tests)), "data", DataOptions()).records == 12


def test_a_split_without_chains_names_the_cause(tmp_path: Path) -> None:
    """With a remedy that fits the cause."""
    twice = fill(tmp_path / "twice", {"train.csv": csv(PARTS[T]), "test.csv": csv(PARTS[T])})
    long = fill(tmp_path / "long", {"train.csv": csv(PARTS[T])})

    with pytest.raises(DataError, match=r"8 with the sequence of a chain held out.*in two splits"):
        divide(open_source(str(twice)), "data", DataOptions())
    with pytest.raises(DataError, match=r"8 longer than max_residues.*Raise max_residues"):
        divide(open_source(str(long)), "data", DataOptions(max_residues=20))


@pytest.mark.parametrize(
    ("key", "expected"), [("train_5fold", "train_5fold"), ("holdout", "holdout")]
)
def test_an_unknown_key_is_named(tmp_path: Path, key: str, expected: str) -> None:
    """With the keys that are known."""
    table = datasets.Dataset.from_dict({"sequence": ["MKV"], "labels": ["010"]})
    datasets.DatasetDict({"train": table, key: table}).save_to_disk(tmp_path / "saved")

    with pytest.raises(DataError, match=f"have keys that name one split each.*got '{expected}'"):
        open_source(str(tmp_path / "saved"))


def test_ignored_files_are_noted_except_harmless_ones(tmp_path: Path) -> None:
    """Nothing that may be data is ignored silently."""
    root = fill(
        tmp_path,
        {
            **three("train/a.csv", "val/a.csv", "test/a.csv"),
            "all.csv": csv(slice(12)),
            "notes.xlsx": "x",
            "train/a.fasta": fasta(PARTS[T], labels=False),
            "readme.txt": "x",
            "LICENSE": "x",
            "train/_SUCCESS": "",
            "train.log": "x",
            "SHA256SUMS.txt": "x",
            "train/licensed.csv": csv(slice(1)),
            ".cache/test.csv": "x",
            "embeddings/a.npy": "x",
        },
    )

    counts, _ = read(root)

    assert counts == {"train": 9, "validation": 2, "test": 2}
    assert list(open_source(str(root)).passed_over) == [
        "all.csv: lies outside of the folders of the splits",
        "embeddings/a.npy: is of no format that is read",
        "notes.xlsx: is of no format that is read",
        "train/a.fasta: is FASTA without labels beside tables",
    ]


def test_a_table_without_chains_in_a_subfolder_is_ignored(tmp_path: Path) -> None:
    """A report of an earlier study in the folder is no data, and is noted."""
    files = {
        "chains.csv": csv(slice(12)),
        "runs/report.json": '{"value": 1}',
        "more/b.csv": csv(slice(3)),
    }

    counts, problems = read(fill(tmp_path, {**files}))

    assert counts == {"train": 15}
    assert problems.read == {"train": {"chains.csv": 12, "more/b.csv": 3}}
    note = "runs/report.json is passed over, because no chains can be read from it"
    assert problems.notes == [note]


def test_a_single_file_is_training_data_and_noted(tmp_path: Path) -> None:
    """Even if it is named like another split, since the user gave it."""
    root = fill(tmp_path, {"x_test.csv": csv(slice(3)), "chains.csv": csv(slice(3))})

    counts, problems = read(root / "x_test.csv")

    assert counts == {"train": 3}
    assert problems.notes == [
        "x_test.csv is named after test; it trains because it was given alone"
    ]
    assert read(root / "chains.csv")[1].notes == []


def test_masked_residues_are_unknown(tmp_path: Path) -> None:
    """A mask of 0 makes a label unknown."""
    fill(tmp_path, {"d.fasta": ">a TARGET=0110 MASK=1011\nMKVL\n"})

    splits = open_source(str(tmp_path)).read(RecordErrors())

    assert splits.train[0].labels == (0, -100, 1, 0)


def test_links_to_folders_are_followed_once(tmp_path: Path) -> None:
    """A link to a parent folder does not cause infinite recursion."""
    root = fill(
        tmp_path / "data", {"elsewhere.d/a.csv": csv(PARTS[X]), "train/a.csv": csv(PARTS[T])}
    )
    (root / "elsewhere.d").rename(tmp_path / "elsewhere")
    (root / "test").symlink_to(tmp_path / "elsewhere")
    (root / "train" / "up").symlink_to(root)

    assert read(root)[0] == {"train": 8, "test": 2}
