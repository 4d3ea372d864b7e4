"""Data sources converted to the standard format and read back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from examples import examples
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from objectives.data.chain import IGNORED, Chain
from objectives.data.errors import RecordErrors
from objectives.data.formats.source import open_source
from objectives.data.protein import is_missing
from objectives.data.splits import merge_identical
from objectives.data.tools.convert import FORMS, convert
from sweep.errors import DataError, UsageError

UNIPROT = (
    "Entry\tSequence\tProtein families\tBinding site\tActive site\n"
    'P1\tMKVLAAGD\tGHMP kinase family\tBINDING 2..3; /ligand="ATP"; BINDING 5; /ligand="Mg(2+)"'
    "\tACT_SITE 8\n"
    'P2\tMKVLC\t\tBINDING ?2..3; /ligand="ATP"; BINDING 5\t\n'
    "P3\tMKVLD\tA family; B family\t\t\n"
)
SOURCES = {
    "text": {
        "train/ATP_x.txt": "1ABC;A;D1 K3;DAK\n2ABC;A;W1;WWK\n",
        "train/ZN_x.txt": "3ABC;A;K3;DAK\n",
        "test/ATP_x.txt": "4ABC;;A1;AAK\n",
    },
    "text of no ligand": {"some.txt": "1ABC;A;D1 K3;DAK\n"},
    "uniprot": {"entries.tsv": UNIPROT},
    "stops": {"chains.fa": ">c1\nATGAAAACCGCG*\n010000000000\n>c2\nNA*\n01\n"},
    "csv": {
        "chains.csv": 'id,sequence,labels,ligand,family\nc1,MKV,010,ATP,"A family; B, C family"\n'
        '"c,""2""",MKVL,0 -100 1 0,,\nc3,W,1,,\nc4,WC,00,ZN,\nc5,D,-100,,\n'
    },
    "json lines": {"rows.jsonl": '{"sequence": "mkv", "positions": [1, 3], "id": 7}\n'},
    "fasta": {"chains.fasta": ">c1 x ligand=ATP\nMKVL\n01-0\n>c2\nMK\nVLA\n00100\n"},
    "fasta by split": {"train.fa": ">c1\nMKVL\n0110\n", "test.fa": ">c2\nMKVI\n0110\n"},
}


def write(folder: Path, files: dict[str, str]) -> Path:
    """Files in a new folder."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


def read(source: Path | str) -> dict[str, list[tuple[Any, ...]]]:
    """All that a sweep uses of a source, by split."""
    problems = RecordErrors()
    splits = open_source(str(source)).read(problems)
    problems.settle(str(source), skip_bad=False)
    return {
        name: [
            (chain.id, chain.sequence, chain.labels, dict(chain.ligands), chain.family)
            for chain in merge_identical(chains)
        ]
        for name, chains in splits.given().items()
    }


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", SOURCES)
def test_converted_data_equal_their_source(name: str, form: str, tmp_path: Path) -> None:
    """Chains, labels, masks, ligands and families of every kind of source, in every format."""
    source = write(tmp_path / "source", SOURCES[name])

    report = convert(str(source), tmp_path / "out", form)

    assert read(tmp_path / "out") == read(source)
    assert sum(len(each) for each in read(source).values()) > 0
    assert [Path(file).name for file in report["files"]] == [
        f"{split}.{form}" for split in read(source)
    ]


@pytest.mark.parametrize("form", FORMS)
def test_one_split_makes_one_file(form: str, tmp_path: Path) -> None:
    """Its suffix selects the format."""
    source = write(tmp_path / "source", SOURCES["csv"])
    out = tmp_path / f"chains.{form}"

    convert(str(source), out)

    assert read(out) == read(source)
    assert {path.name for path in tmp_path.iterdir()} == {"source", out.name}


def test_generated_data_and_saved_data_sets_can_be_converted(tmp_path: Path) -> None:
    """A folder of Parquet files is a data set for ``datasets``, with the same splits."""
    import datasets

    convert("builtin:motifs", tmp_path / "motifs")
    loaded = datasets.load_dataset(str(tmp_path / "motifs"), cache_dir=str(tmp_path / "cache"))
    loaded.save_to_disk(tmp_path / "saved")
    convert(str(tmp_path / "saved"), tmp_path / "again", "jsonl")

    assert set(loaded) == {"train", "test"}
    assert read(tmp_path / "motifs") == read("builtin:motifs")
    assert read(tmp_path / "again") == read("builtin:motifs")


@pytest.mark.integration
def test_real_chains(shared: Path, tmp_path: Path) -> None:
    """All 5 376 records of TargetS."""
    source = shared / "data" / "binding_residues"

    report = convert(str(source), tmp_path / "yu")

    assert read(tmp_path / "yu") == read(source)
    assert sum(split["records"] for split in report["splits"].values()) == 5376


TEXTS = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cs", "Cc", "Z"]), min_size=1, max_size=8
).filter(lambda text: not is_missing(text))
LIGANDS = st.dictionaries(TEXTS, st.sets(st.integers(0, 11), max_size=4), max_size=3)


@st.composite
def chains(draw: st.DrawFn) -> list[Chain]:
    """Chains with masks, several ligands, and residues that bind nothing with a name."""
    found = []
    for number in range(draw(st.integers(1, 4))):
        sequence = draw(st.text("ACDEFGHIKLMNPQRSTVWYX", min_size=12, max_size=20))
        ligands = {name: tuple(sorted(at)) for name, at in draw(LIGANDS).items()}
        bound = set().union(*ligands.values()) | draw(st.sets(st.integers(0, 11), max_size=2))
        masked = draw(st.sets(st.integers(0, 11))) - bound
        labels = [1 if i in bound else IGNORED if i in masked else 0 for i in range(len(sequence))]
        name = f"{number}{draw(TEXTS)}"
        family = draw(st.sampled_from(["", "A family", "A family, B subfamily; C family"]))
        found.append(Chain(name, sequence, tuple(labels), ligands, family=family))
    return found


@pytest.mark.parametrize("form", FORMS)
@given(made=chains())
@settings(max_examples=examples(25), deadline=None, suppress_health_check=list(HealthCheck))
def test_any_chains_survive_a_conversion(
    form: str, made: list[Chain], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """With any names, masks and ligands."""
    from objectives.data.tools.convert import _rows

    folder = tmp_path_factory.mktemp("any")
    FORMS[form](list(_rows(made)), folder / f"train.{form}")

    assert read(folder)["train"] == [
        (chain.id, chain.sequence, chain.labels, dict(chain.ligands), chain.family)
        for chain in merge_identical(made)
    ]


@pytest.mark.parametrize(
    ("name", "out", "form", "expected"),
    [
        ("text", "x.csv", None, r"be a folder for the splits train, test.*--out \S+x \("),
        ("csv", "x.xlsx", None, "end in .parquet, .csv, .tsv, .jsonl, or be a folder"),
        ("csv", "x.csv", "tsv", "--format must be that of --out"),
        ("csv", "source", None, "be a new or empty folder"),
        ("csv", "source/x.csv", None, "lie outside of the source"),
        ("csv", "full", None, "be a new or empty folder"),
    ],
)
def test_an_output_that_would_lose_something_is_refused(
    tmp_path: Path, name: str, out: str, form: str | None, expected: str
) -> None:
    """Before anything is written."""
    source = write(tmp_path / "source", SOURCES[name])
    write(tmp_path / "full", {"mine": "mine"})

    with pytest.raises(UsageError, match=expected):
        convert(str(source), tmp_path / out, form)

    assert {path.name for path in tmp_path.iterdir()} == {"source", "full"}


def test_a_table_that_would_be_read_differently_is_refused(tmp_path: Path) -> None:
    """Two entries of one name with several ligands would contradict each other as rows."""
    text = "Entry\tSequence\tBinding site\n"
    for sequence in ("MKVL", "MKVW"):
        more = '; BINDING 2; /ligand="ZN"' if sequence == "MKVW" else ""
        text += f'P1\t{sequence}\tBINDING 1; /ligand="ATP"{more}\n'
    source = write(tmp_path / "source", {"entries.tsv": text})

    with pytest.raises(DataError, match="agree with the earlier record"):
        convert(str(source), tmp_path / "out")

    assert not (tmp_path / "out").exists()


def test_fasta_beside_tables_is_still_ignored(tmp_path: Path) -> None:
    """Such a file has the same sequences without labels."""
    tables = write(tmp_path / "tables", {"rows.csv": "sequence,labels\nMKV,010\n"})
    before = read(tables)
    write(tables, {"rows.fasta": ">c1\nMKV\n"})

    assert read(tables) == before


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (">c1\nMKV\n", "labels must be given in a line below the sequence"),
        (">c1\nMKV\n01\n", r"labels must be one per residue \(3\), got 2 \(c.fasta, line 1\)"),
        (">c1\n010\n", "sequence must hold at least one residue"),
        ("MKV\n010\n", "must begin with a header"),
    ],
)
def test_fasta_with_bad_labels_is_refused(tmp_path: Path, text: str, expected: str) -> None:
    """With the line of its header."""
    path = write(tmp_path, {"c.fasta": text}) / "c.fasta"

    with pytest.raises(DataError, match=expected):
        read(path)
