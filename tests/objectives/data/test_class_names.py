"""Integer labels with named classes are read by the names of their classes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import datasets
import pytest
from relatives import unlike

from objectives.data.errors import RecordErrors
from objectives.data.formats.class_names import labels_by_name
from objectives.data.formats.source import open_source
from objectives.data.options import DataOptions
from objectives.data.splits import Splits
from objectives.data.tools.describe import describe

MEANINGS: dict[str, list[int] | None] = {
    "0 1": [0, 1],
    "1 0": [1, 0],
    "binding non_binding": [1, 0],
    "non-binding binding": [0, 1],
    "NonBinding Binding": [0, 1],
    "not_binding binding": [0, 1],
    "no_binding binding_site": [0, 1],
    "unbound bound": [0, 1],
    "negative positive": [0, 1],
    "pos neg": [1, 0],
    "P N": [1, 0],
    "no yes": [0, 1],
    "False True": [0, 1],
    "- +": [0, 1],
    "+ -": [1, 0],
    "- 0 1": [-100, 0, 1],
    "other site unknown": [0, 1, -100],
    "A B": None,
    "none ATP": None,
    "none ATP ZN": None,
    "helix sheet": None,
    "binding": None,
    "binding site": None,
}


@pytest.mark.parametrize("names", sorted(MEANINGS))
def test_class_names_determine_which_label_binds(names: str) -> None:
    """Both names must agree, or neither is used."""
    found = labels_by_name(names.split())

    assert (None if found is None else list(found.values())) == MEANINGS[names]


def saved(folder: Path, names: list[str], form: str, *, wide: bool = False) -> Path:
    """Two chains whose second residue has the first class, all others the second."""
    label = datasets.ClassLabel(names=names)
    kind: Any = datasets.LargeList(label) if wide else datasets.List(label)
    features = datasets.Features(
        {
            "sequence": datasets.Value("string"),
            "labels": kind,
            "ligand": datasets.ClassLabel(names=["ATP", "ZN"]),
            "split": datasets.ClassLabel(names=["test", "train"]),
        }
    )
    rows = {
        "sequence": ["MKV", "AACD"],
        "labels": [[1, 0, 1], [1, 0, 1, 1]],
        "ligand": [0, 1],
        "split": [1, 0],
    }
    table = datasets.Dataset.from_dict(rows, features=features)
    if form == "saved":
        table.save_to_disk(folder / "data")
    else:
        (folder / "data").mkdir()
        table.to_parquet(folder / "data" / "d.parquet")
    return folder / "data"


def read(folder: Path) -> tuple[Splits, RecordErrors]:
    """The chains of a source, and its faults."""
    problems = RecordErrors()
    return open_source(str(folder)).read(problems), problems


@pytest.mark.parametrize("wide", [False, True])
@pytest.mark.parametrize("form", ["saved", "parquet"])
def test_numbers_are_read_by_the_names_of_their_classes(
    tmp_path: Path, form: str, *, wide: bool
) -> None:
    """In saved folders and in the metadata of Parquet; ligands and splits too."""
    splits, problems = read(saved(tmp_path, ["binding", "non_binding"], form, wide=wide))

    assert (problems.files, problems.records) == ([], [])
    assert splits.test is not None
    assert [chain.labels for chain in splits.train] == [(0, 1, 0)]
    assert [chain.labels for chain in splits.test] == [(0, 1, 0, 0)]
    assert splits.train[0].ligands == {"ATP": (1,)}


@pytest.mark.parametrize("form", ["saved", "parquet"])
def test_classes_of_numbers_are_these_numbers(tmp_path: Path, form: str) -> None:
    """Most data sets name their classes 0 and 1."""
    splits, _ = read(saved(tmp_path, ["0", "1"], form))

    assert splits.train[0].labels == (1, 0, 1)


@pytest.mark.parametrize("form", ["saved", "parquet"])
def test_class_names_without_a_meaning_are_shown(tmp_path: Path, form: str) -> None:
    """Such a table is not read."""
    splits, problems = read(saved(tmp_path, ["A", "B"], form))

    assert splits.train == []
    assert len(problems.files) == 1
    assert "labels must be of two classes" in problems.files[0]
    assert "0 'A', 1 'B'" in problems.files[0]


@pytest.mark.parametrize("share", [0.4, 0.6])
def test_labels_that_are_mostly_positive_are_noted(tmp_path: Path, share: float) -> None:
    """In any format: they may be inverted."""
    labels = "1" * round(50 * share) + "0" * round(50 * (1 - share))
    rows = "".join(f"{sequence},{labels}\n" for sequence in unlike(12, 50))
    (tmp_path / "d.csv").write_text("sequence,labels\n" + rows)

    notes = describe(str(tmp_path), {}, leakage="none")["notes"]

    assert DataOptions().validation_fraction == pytest.approx(0.15)
    inverted = [note for note in notes if "labels are not inverted" in note]
    assert len(inverted) == (share > 0.5)
    assert not inverted or "60% in train, 60% in validation" in inverted[0]
