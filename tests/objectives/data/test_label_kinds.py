"""What each kind of label reads, refuses, unites and encodes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from objectives.data.chain import Chain
from objectives.data.errors import RecordErrors
from objectives.data.formats.source import open_source
from objectives.data.labels.classes import ResidueClasses, SequenceClasses
from objectives.data.labels.kind import LabelKind
from objectives.data.labels.label_sets import SequenceLabels
from objectives.data.labels.values import ResidueValues, SequenceValues
from objectives.data.options import DataOptions
from objectives.data.prepare.divide import divide
from objectives.data.splits import Splits, merge_identical
from sweep.errors import DataError

SEQUENCE = "MKVLATDE"

READ: list[tuple[LabelKind, object, Any]] = [
    (ResidueClasses(), "HHHEECC?", ("H", "H", "H", "E", "E", "C", "C", None)),
    (ResidueClasses(), "HHHE EECC", ("H", "H", "H", "E", "E", "E", "C", "C")),
    (
        ResidueClasses(),
        ["a", "b", None, "a", "?", "b", "a", 1.0],
        ("a", "b", None, "a", None, "b", "a", "1"),
    ),
    (ResidueClasses(), "0,1,2,0,1,2,-100,0", ("0", "1", "2", "0", "1", "2", None, "0")),
    (ResidueValues(), "0.1 2 -3e-1 nan ? 0 0 1", (0.1, 2.0, -0.3, None, None, 0.0, 0.0, 1.0)),
    (ResidueValues(), [0, 1, 2, 3, 4, 5, None, 7], (0.0, 1.0, 2.0, 3.0, 4.0, 5.0, None, 7.0)),
    (SequenceClasses(), "soluble", ("soluble",)),
    (SequenceClasses(), 1, ("1",)),
    (SequenceClasses(), "1.0", ("1",)),
    (SequenceClasses(), True, ("True",)),
    (SequenceClasses(), "nan", None),
    (SequenceClasses(), None, None),
    (SequenceClasses(), "", None),
    (SequenceValues(), "31.43", (31.43,)),
    (SequenceValues(), -2, (-2.0,)),
    (SequenceValues(), float("nan"), None),
    (SequenceValues(), "", None),
    (SequenceLabels(), "GO:2;GO:1;GO:2", ("GO:1", "GO:2")),
    (SequenceLabels(), "['1.1.1.1', '2.3.4.5']", ("1.1.1.1", "2.3.4.5")),
    (SequenceLabels(), ["b", "a"], ("a", "b")),
    (SequenceLabels(), "[]", ()),
    (SequenceLabels(), None, None),
]


@pytest.mark.parametrize(("kind", "cell", "labels"), READ)
def test_a_cell_is_read_as_its_kind(kind: LabelKind, cell: object, labels: Any) -> None:
    """Missing labels are unknown, and never a class or a number."""
    assert kind.read(cell, SEQUENCE, "a.csv, line 2") == labels


@pytest.mark.parametrize(
    ("kind", "cell", "said"),
    [
        (ResidueClasses(), "HHH", "labels must be one per residue (8), got 1"),
        (ResidueClasses(), "HHHEECCCC", "one per residue (8), got 1"),
        (ResidueClasses(), 3, "labels must be one class per residue, as letters or a list, got 3"),
        (ResidueValues(), "1 2 3", "labels must be one per residue (8), got 3"),
        (ResidueValues(), "1 2 3 4 5 6 7 x", "labels must be finite numbers, got 'x'"),
        (ResidueValues(), "1 2 3 4 5 6 7 inf", "labels must be finite numbers, got 'inf'"),
        (ResidueValues(), 3.0, "labels must be a list of numbers, got 3.0"),
        (SequenceClasses(), ["a", "b"], "label must be one class, got ['a', 'b']"),
        (SequenceValues(), "1,5", "label must be a finite number, got '1,5'"),
        (SequenceValues(), "high", "label must be a finite number, got 'high'"),
        (SequenceValues(), [1.0], "label must be a finite number, got [1.0]"),
        (SequenceValues(), True, "label must be a finite number, got True"),
        (SequenceLabels(), {"a": 1}, "labels must be names separated by ';', or a list"),
        (SequenceLabels(), ["a", None], "labels must be names, got ['a', None]"),
    ],
)
def test_a_cell_of_another_form_is_refused(kind: LabelKind, cell: object, said: str) -> None:
    """In one sentence with the line."""
    with pytest.raises(DataError) as caught:
        kind.read(cell, SEQUENCE, "a.csv, line 2")

    assert said in str(caught.value)
    assert "a.csv, line 2" in str(caught.value)


def chain(labels: tuple[Any, ...], **given: Any) -> Chain:
    """A chain of three residues."""
    return Chain("a", "MKV", labels, source="a.csv, line 2", **given)


@pytest.mark.parametrize(
    ("kind", "group", "labels"),
    [
        (ResidueClasses(), [("H", None, "E"), ("H", "C", None)], ("H", "C", "E")),
        (SequenceClasses(), [("a",), ("a",)], ("a",)),
        (ResidueValues(), [(1.0, None, 3.0), (2.0, 5.0, None)], (1.5, 5.0, 3.0)),
        (SequenceValues(), [(1.0,), (4.0,)], (2.5,)),
        (SequenceLabels(), [("a",), ("a", "b")], ("a", "b")),
    ],
)
def test_records_of_one_sequence_are_united(
    kind: LabelKind, group: list[tuple[Any, ...]], labels: tuple[Any, ...]
) -> None:
    """Known before unknown; numbers by their mean, sets by their union."""
    assert kind.unite([chain(each) for each in group]) == labels


@pytest.mark.parametrize(
    ("kind", "group"),
    [(ResidueClasses(), [("H", "H", "H"), ("H", "E", "H")]), (SequenceClasses(), [("a",), ("b",)])],
)
def test_records_that_contradict_each_other_are_refused(
    kind: LabelKind, group: list[tuple[Any, ...]]
) -> None:
    """A class is not averaged."""
    with pytest.raises(DataError, match="records must agree on the"):
        kind.unite([chain(each) for each in group])


def test_the_ligands_of_a_residue_are_its_class() -> None:
    """A residue that binds two is unknown, also where two records name one each."""
    kind = ResidueClasses()
    both = chain((1, 1, 0), ligands={"ATP": (0, 1), "ZN": (1,)}, whole=False)
    atp = kind.of_ligands(chain((1, 1, 0), ligands={"ATP": (0, 1)}, whole=False))
    zinc = kind.of_ligands(chain((0, 1, 0), ligands={"ZN": (1,)}, whole=False))

    assert kind.of_ligands(both).labels == ("ATP", None, "none")
    assert kind.unite([atp, zinc]) == ("ATP", None, "none")
    with pytest.raises(DataError, match="ligand must be given"):
        kind.of_ligands(chain((1, 0, 0)))


def test_labels_become_numbers() -> None:
    """Classes in the order of their names, unknown as -100 or NaN."""
    classes, values, sets = ResidueClasses(), ResidueValues(), SequenceLabels()
    residues = [chain(("none", "ZN", None)), chain(("ATP", "none", "none"))]
    facts = classes.facts({"train": residues})

    assert facts == {"classes": ["none", "ATP", "ZN"]}
    assert classes.encode(residues, facts).tolist() == [0, 2, -100, 1, 0, 0]
    numbers = values.encode([chain((1.0, None, 2.0))], {})
    np.testing.assert_array_equal(numbers, np.array([1, np.nan, 2], dtype=np.float32))
    assert values.facts({"train": [chain((1.0, None, 3.0))]}) == {"mean": 2.0, "sd": 1.0}
    named = [chain(("a", "c")), chain(())]
    assert sets.encode(named, {"classes": ["a", "b", "c"]}).tolist() == [[1, 0, 1], [0, 0, 0]]
    ends = {"train": [chain(("b",))], "validation": [chain(("a",))]}
    assert SequenceClasses().encode(ends["train"], SequenceClasses().facts(ends)).tolist() == [[1]]


def read(path: Path, kind: LabelKind) -> tuple[Splits, RecordErrors]:
    """The splits of a source, and what is wrong with it."""
    problems = RecordErrors()
    return open_source(str(path), kind=kind).read(problems), problems


@pytest.mark.parametrize(
    ("name", "text", "kind", "labels"),
    [
        ("a.csv", "sequence,label\nMKV,x\nMKL,y\n", SequenceClasses(), [("x",), ("y",)]),
        ("a.tsv", "sequence\tclass\nMKV\tx\n", SequenceClasses(), [("x",)]),
        ("a.csv", "sequence,fitness,label\nMKV,1.5,no\n", SequenceValues("Fitness"), [(1.5,)]),
        ("a.csv", "sequence,value\nMKV,nan\nMKL,2\n", SequenceValues(), [(2.0,)]),
        ("a.jsonl", '{"sequence":"MKV","labels":["HH","E","E"]}\n', ResidueClasses(),
         [("HH", "E", "E")]),
        ("a.fasta", ">a TARGET=x SET=train\nMK\nV\n", SequenceClasses(), [("x",)]),
        ("a.fasta", ">a SET=train\nMKV\nHEC\n", ResidueClasses(), [("H", "E", "C")]),
        ("a.fasta", ">a TARGET=HEC MASK=110\nMKV\n", ResidueClasses(), [("H", "E", None)]),
        ("a.fasta", ">a TARGET=2.5\nMKV\n", SequenceValues(), [(2.5,)]),
        ("ATP_x.txt", "1ABC;A;M1 V3;MKV\n", ResidueClasses(), [("ATP", "none", "ATP")]),
        ("ATP_x.txt", "1ABC;A;M1 V3;MKV\n", SequenceLabels(), [("ATP",)]),
        ("a.csv", "sequence,positions,ligand\nMKV,2,ZN\n", ResidueClasses(),
         [("none", "ZN", "none")]),
    ],
)  # fmt: skip
def test_every_format_holds_every_kind_that_fits(
    tmp_path: Path, name: str, text: str, kind: LabelKind, labels: list[tuple[Any, ...]]
) -> None:
    """Tables by column, FASTA by header or line, sites by their ligand."""
    (tmp_path / name).write_text(text)
    splits, problems = read(tmp_path / name, kind)

    assert (problems.records, problems.files) == ([], [])
    assert [each.labels for each in splits.train] == labels


@pytest.mark.parametrize(
    ("name", "text", "kind", "said"),
    [
        ("a.csv", "sequence,y\nMKV,1\n", SequenceValues(), "exactly one of 'label', 'target'"),
        ("a.csv", "sequence,y\nMKV,1\n", SequenceValues("z"), "include 'z', which label_column"),
        ("a.csv", "sequence,label,target\nMKV,1,2\n", SequenceValues(), "exactly one of 'label'"),
        ("ATP_x.txt", "1ABC;A;M1;MKV\n", SequenceValues(), "got 'the binding sites of a ligand'"),
        ("a.fasta", ">a\nMKV\n", ResidueClasses(), "labels must be given in a line below"),
        ("a.fasta", ">a TARGET=HEC MASK=1\nMKV\n", ResidueClasses(), "MASK must be one 0 or 1"),
        ("a.fasta", ">a TARGET=x MASK=111\nMKV\n", SequenceClasses(), "MASK must not be given"),
    ],
)
def test_what_does_not_fit_is_refused(
    tmp_path: Path, name: str, text: str, kind: LabelKind, said: str
) -> None:
    """With the columns that were found."""
    (tmp_path / name).write_text(text)
    _, problems = read(tmp_path / name, kind)

    assert said in " ".join([*problems.files, *problems.records])


def test_a_record_without_a_label_is_counted(tmp_path: Path) -> None:
    """It is left out, and not read as another class."""
    (tmp_path / "a.csv").write_text("sequence,label\nMKV,x\nMKL,\nMKW,nan\n")
    splits, problems = read(tmp_path / "a.csv", SequenceClasses())

    assert len(splits.train) == 1
    assert problems.counts == {"records without a label, left out": 2}


@pytest.mark.parametrize(
    ("kind", "labels"), [(SequenceValues(), (2.0,)), (SequenceLabels(), ("1", "3"))]
)
def test_repeated_measurements_are_united(
    tmp_path: Path, kind: LabelKind, labels: tuple[Any, ...]
) -> None:
    """Two rows of one sequence, with ids or without."""
    (tmp_path / "a.csv").write_text("sequence,label\nMKV,1\nMKV,3\nMKL,5\n")
    splits, problems = read(tmp_path / "a.csv", kind)

    assert (problems.records, problems.files) == ([], [])
    assert merge_identical(splits.train, kind)[0].labels == labels


def test_a_sequence_of_two_classes_is_refused(tmp_path: Path) -> None:
    """With both lines; --skip-bad keeps the first."""
    (tmp_path / "a.csv").write_text("sequence,label\nMKV,x\nMKV,y\nMKL,x\n")
    _, problems = read(tmp_path / "a.csv", SequenceClasses())

    assert len(problems.records) == 1
    assert "different labels" in problems.records[0]


@pytest.mark.parametrize(
    ("kind", "labels", "said"),
    [
        (SequenceClasses(), ["x"] * 12, "must hold at least two classes, got 'x'"),
        (SequenceClasses(), [str(n) for n in range(12)], "Use task=sequence_regression"),
        (SequenceValues(), ["1"] * 12, "must hold at least two different numbers, got 1.0"),
        (SequenceLabels(), ["[]"] * 12, "must hold sequences with a label"),
    ],
)
def test_a_split_that_teaches_nothing_is_refused(
    tmp_path: Path, kind: LabelKind, labels: list[str], said: str
) -> None:
    """One class, one number, no label, or a class for each sequence."""
    rng = np.random.default_rng(0)
    for split in ("train", "validation"):
        rows = [f"{''.join(rng.choice(list('ACDEFGHIKLMNPQRSTVWY'), 30))},{x}" for x in labels]
        (tmp_path / f"{split}.csv").write_text("\n".join(["sequence,label", *rows]) + "\n")
    source = open_source(str(tmp_path), kind=kind)

    with pytest.raises(DataError) as caught:
        divide(source, "data", DataOptions(), kind)
    assert said in str(caught.value)
