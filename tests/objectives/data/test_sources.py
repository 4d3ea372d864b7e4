"""From a user's data argument to chains."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import datasets
import pytest

from objectives.data.errors import RecordErrors
from objectives.data.formats.source import BUILTIN_MOTIFS, open_source
from sweep.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path

    from objectives.data.splits import Splits

ROWS = {"sequence": ["MKV", "AAC"], "labels": ["010", "001"], "id": ["a", "b"]}


def fill(root: Path, files: dict[str, str]) -> Path:
    """Write files below a folder."""
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def read(source: Path | str) -> tuple[Splits, RecordErrors]:
    """The chains of a source, and its faults."""
    problems = RecordErrors()
    return open_source(str(source)).read(problems), problems


def ids(splits: Splits) -> dict[str, list[str]]:
    """The chains' names by split."""
    return {name: [chain.id for chain in chains] for name, chains in splits.given().items()}


def csv(*names: str) -> str:
    """A table of chains with these names."""
    return "id,sequence,labels\n" + "".join(f"{name},MKV,010\n" for name in names)


def test_split_folders_are_kept(tmp_path: Path) -> None:
    """Files of one split are read in name order, each with its ligand."""
    root = fill(
        tmp_path,
        {
            "train/ZN_Training.txt": "1ABC;A;M1;MKV\n",
            "train/ATP_Training.txt": "1ABD;A;K2;MKV\n",
            "test/ZN_Validation.txt": "1ABE;A;V3;MKV\n",
            "train/README.txt": "no chains here\n",
            "train/notes.md": "nor here\n",
        },
    )

    splits, problems = read(root)

    assert problems == RecordErrors()
    assert ids(splits) == {"train": ["1ABD_A", "1ABC_A"], "test": ["1ABE_A"]}
    assert splits.train[0].ligands == {"ATP": (1,)}
    assert splits.train[0].source == "train/ATP_Training.txt, line 1"


def test_files_named_after_splits_are_these_splits_and_all_others_train(tmp_path: Path) -> None:
    """No file of a supported kind is ignored silently."""
    files = {
        name: csv(name[:3]) for name in ("train.csv", "validation.csv", "test.csv", "more.csv")
    }

    splits, _ = read(fill(tmp_path, files))

    assert ids(splits) == {"train": ["mor", "tra"], "validation": ["val"], "test": ["tes"]}


def test_a_single_file_is_training_data(tmp_path: Path) -> None:
    """Even if it is named like another split, since the user gave it."""
    splits, _ = read(fill(tmp_path, {"test.csv": csv("a")}) / "test.csv")

    assert ids(splits) == {"train": ["a"]}


def test_a_contradicting_record_is_reported_with_the_earlier_one(tmp_path: Path) -> None:
    """The same id and ligand cannot be two sequences; further sites are no contradiction."""
    text = "1ABC;A;M1;MKV\n1ABC;A;M1;MKV\n1ABC;A;K2;MKV\n1ABC;A;M1;MKVA\n"
    root = fill(tmp_path, {"ZN_a.txt": text, "CA_a.txt": "1ABC;A;V3;MKV\n"})

    splits, problems = read(root)

    assert ids(splits) == {"train": ["1ABC_A"] * 4}
    assert len(problems.records) == 1
    assert "same id and ligand (ZN_a.txt, line 1)" in problems.records[0]
    assert "got '1ABC_A, different sequence' (ZN_a.txt, line 4)" in problems.records[0]


def test_rows_without_ids_contradict_by_sequence(tmp_path: Path) -> None:
    """Without an id a row is identified by its sequence."""
    root = fill(tmp_path, {"a.csv": "sequence,labels\nMKV,010\nMKV,010\nMKV,011\n"})

    splits, problems = read(root)

    assert len(splits.train) == 2
    assert "different labels' (a.csv, line 4)" in problems.records[0]


@pytest.mark.parametrize("split", [False, True])
def test_saved_data_set_is_read(tmp_path: Path, split: bool) -> None:  # noqa: FBT001
    """A folder of ``save_to_disk`` works with and without splits."""
    table = datasets.Dataset.from_dict({**ROWS, "embedding": [[0.5], [1.5]]})
    saved: Any = datasets.DatasetDict(train=table, test=table) if split else table
    saved.save_to_disk(tmp_path / "saved")

    splits, problems = read(tmp_path / "saved")

    assert problems == RecordErrors()
    assert ids(splits) == {name: ["a", "b"] for name in (["train", "test"] if split else ["train"])}
    assert [chain.labels for chain in splits.train] == [(0, 1, 0), (0, 0, 1)]
    assert splits.train[1].source == "saved, train, row 2"


def test_saved_data_set_names_bad_rows_and_columns(tmp_path: Path) -> None:
    """Faults of a data set name split and row."""
    good = datasets.Dataset.from_dict({**ROWS, "labels": ["010", "0010"]})
    other = datasets.Dataset.from_dict({"seq": ["MKV"]})
    datasets.DatasetDict(train=good, test=other).save_to_disk(tmp_path / "saved")

    _, problems = read(tmp_path / "saved")

    assert problems.records == ["labels must be one per residue (3), got 4 (saved, train, row 2)."]
    assert "columns must include 'sequence', got 'seq' (saved, test)" in problems.files[0]


def test_saved_data_set_without_a_training_split_is_refused(tmp_path: Path) -> None:
    """The message lists the existing splits."""
    table = datasets.Dataset.from_dict(ROWS)
    datasets.DatasetDict(fit=table, test=table).save_to_disk(tmp_path / "saved")

    with pytest.raises(DataError, match="have a split named 'train', got 'fit, test'"):
        open_source(str(tmp_path / "saved"))


def test_an_unreachable_hub_name_is_one_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that is no path is looked up on the Hub, and the reason of a failure is kept."""
    monkeypatch.setattr("datasets.config.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)

    with pytest.raises(DataError, match=r"a data set on the Hub, got 'no-such/data-set' \(\w+: .+"):
        open_source("no-such/data-set")


def test_missing_path_lists_its_neighbours(tmp_path: Path) -> None:
    """So that a typing error is easy to see."""
    fill(tmp_path, {"chains.csv": csv("a")})
    path = tmp_path / "chain.csv"

    message = f"got '{path}' ({tmp_path} holds chains.csv). Correct the path."
    with pytest.raises(DataError, match=re.escape(message)):
        open_source(str(path))


@pytest.mark.parametrize(
    ("files", "found"),
    [
        ({}, "an empty folder"),
        ({"notes.md": ""}, "notes.md"),
        ({"test/a.csv": csv("a")}, "test"),
        ({"train/notes.md": ""}, "train"),
        ({"test.csv": csv("a")}, "test.csv"),
    ],
)
def test_a_folder_without_training_data_lists_its_files(
    tmp_path: Path, files: dict[str, str], found: str
) -> None:
    """An empty folder, one of other files, or one of test files only."""
    with pytest.raises(DataError, match=rf"data must hold files to train on .*, got '{found}'"):
        open_source(str(fill(tmp_path, files)))


def test_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    """The message lists the supported kinds."""
    fill(tmp_path, {"chains.xlsx": ""})

    with pytest.raises(DataError, match=r"suffixes .txt, .csv, .*, got 'chains.xlsx'"):
        open_source(str(tmp_path / "chains.xlsx"))


def test_an_unknown_builtin_set_names_the_existing_one() -> None:
    """There is one generated set."""
    with pytest.raises(DataError, match="must be builtin:motifs to be built in, got 'builtin:x'"):
        open_source("builtin:x")


def test_builtin_set_has_train_and_test_chains() -> None:
    """The generated set is read like any other, and has binding residues."""
    splits, problems = read(BUILTIN_MOTIFS)

    assert problems == RecordErrors()
    assert list(splits.given()) == ["train", "test"]
    assert all(1 in chain.labels for chain in [splits.train[0], splits.test[0]])


def test_the_digest_depends_on_content_not_path(tmp_path: Path) -> None:
    """A copied folder is the same source; one changed byte or another ligand is not."""
    one, same, other, ligand = (
        fill(tmp_path / place, {file: text})
        for place, file, text in (
            ("one", "ZN_a.txt", "1ABC;A;M1;MKV\n"),
            ("same", "ZN_a.txt", "1ABC;A;M1;MKV\n"),
            ("other", "ZN_a.txt", "1ABC;A;K2;MKV\n"),
            ("ligand", "CA_a.txt", "1ABC;A;M1;MKV\n"),
        )
    )
    digests = [open_source(str(root)).digest() for root in (one, same, other, ligand)]

    assert digests[0] == digests[1]
    assert len(set(digests)) == 3
