"""UniProt's feature columns, one case per line: binding, unknown or refused residues.

Labels have one character per residue: 1 binds, 0 does not, . is masked.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from objectives.data.chain import IGNORED, Chain
from objectives.data.errors import RecordErrors
from objectives.data.formats.table import read_table
from objectives.data.formats.uniprot import label, ligand_of, read_features

ATP = '/ligand="ATP"'
EVIDENCE = '/evidence="ECO:0000255|PROSITE-ProRule:PRU00159"'

LABELLED = [
    # exact positions
    ("", "00000"),
    ("   ", "00000"),
    ("BINDING 1", "10000"),
    ("BINDING 5", "00001"),
    ("BINDING 3", "00100"),
    ("BINDING 1..5", "11111"),
    ("BINDING 2..4", "01110"),
    ("BINDING 2..2", "01000"),
    ("BINDING 2;", "01000"),
    ("BINDING 2 ; ", "01000"),
    ("BINDING  2", "01000"),
    (f"BINDING 2; {ATP}", "01000"),
    (f"BINDING 2;{ATP}", "01000"),
    (f"BINDING 2;  {ATP};", "01000"),
    (f"BINDING 1..2; {ATP}; BINDING 4", "11010"),
    (f'BINDING 1..2; {ATP}; /ligand_id="ChEBI:CHEBI:30616"; BINDING 4; {ATP}', "11010"),
    ("BINDING 1; BINDING 1", "10000"),
    ("BINDING 1..3; BINDING 2..4", "11110"),
    ("BINDING 4; BINDING 2", "01010"),
    ("ACT_SITE 4", "00010"),
    ('ACT_SITE 4; /note="Proton acceptor"', "00010"),
    ('ACT_SITE 4; /note="Proton donor; for the first step"', "00010"),
    ("ACT_SITE 4; BINDING 1", "10010"),
    ('METAL 2; /note="Magnesium 1"', "01000"),
    ('NP_BIND 1..3; /note="ATP"', "11100"),
    ("CA_BIND 2..4", "01110"),
    ("DNA_BIND 1..5", "11111"),
    # qualifiers: quotes, semicolons, several of a kind
    ('BINDING 2; /ligand="a; b"', "01000"),
    ('BINDING 2; /ligand="a; BINDING 3"', "01000"),
    ('BINDING 2; /ligand="a ""quoted"" name"', "01000"),
    ('BINDING 2; /ligand="""', None),
    ('BINDING 2; /note=""', "01000"),
    ('BINDING 2; /note="/ligand=x"', "01000"),
    ('BINDING 2; /ligand="(1,3-beta-D-glucosyl)n"', "01000"),
    ('BINDING 2; /ligand="[4Fe-4S] cluster"; /ligand_label="1"', "01000"),
    ('BINDING 2; /ligand="NADP(+)"; /ligand_id="ChEBI:CHEBI:58349"', "01000"),
    (
        'BINDING 2; /ligand="heme b"; /ligand_part="Fe"; /ligand_part_id="ChEBI:CHEBI:18248"',
        "01000",
    ),
    ('BINDING 2; /ligand="ATP"; /ligand_note="ligand shared between dimeric partners"', "01000"),
    ('BINDING 2; /note="in other chain"', "01000"),
    (f"BINDING 2; {ATP}; {EVIDENCE}", "01000"),
    (
        f'BINDING 2; {ATP}; {EVIDENCE}; /evidence="ECO:0000269|PubMed:1, ECO:0007744|PDB:1ABC"',
        "01000",
    ),
    ('BINDING 2; /ligand="α-ketoglutarate"', "01000"),  # noqa: RUF001
    ("BINDING 2; /evidence", "01000"),
    # uncertain ends: masked as far as they may reach
    ("BINDING <1", ".0000"),
    ("BINDING <1..3", "...00"),
    ("BINDING <3", "...00"),
    ("BINDING <3..4", "....0"),
    ("BINDING >5", "0000."),
    ("BINDING 3..>5", "00..."),
    ("BINDING 3..>4", "00..."),
    ("BINDING <1..>5", "....."),
    ("BINDING ?3", "00.00"),
    ("BINDING ?2..4", "0...0"),
    ("BINDING 2..?4", "0...0"),
    ("BINDING ?2..?4", "0...0"),
    ("BINDING ?..3", "...00"),
    ("BINDING 3..?", "00..."),
    ("BINDING ?..?", "....."),
    ("BINDING ?", "....."),
    (f"BINDING ?3; {ATP}", "00.00"),
    ("ACT_SITE ?3", "00.00"),
    # certain labels override uncertain ones, in either order
    ("BINDING ?; BINDING 2", ".1..."),
    ("BINDING 2; BINDING ?", ".1..."),
    ("BINDING 2..>4; BINDING 3", "0.1.."),
    ("BINDING <2; BINDING 1; BINDING 2", "11000"),
    ("BINDING ?2; BINDING ?3", "0..00"),
    ("ACT_SITE 2; BINDING ?2", "01000"),
    # positions of another isoform do not apply to this sequence
    ("BINDING P05067-2:3", "00000"),
    ("BINDING P05067-2:3..900", "00000"),
    ("BINDING P05067-2:3; BINDING 4", "00010"),
    ("BINDING Q9NYW0-3:<1..4", "00000"),
    (f"BINDING A0A024R1R8-2:3; {ATP}; BINDING 1", "10000"),
    # refused
    ("BINDING", None),
    ("BINDING 0", None),
    ("BINDING 0..3", None),
    ("BINDING 4..2", None),
    ("BINDING 6", None),
    ("BINDING 3..6", None),
    ("BINDING >6", None),
    ("BINDING ?9", None),
    ("BINDING -2", None),
    ("BINDING 2-4", None),
    ("BINDING 2...4", None),
    ("BINDING 2 4", None),
    ("BINDING two", None),
    ("BINDING 1.5", None),
    ("BINDING 99999999999999999999", None),
    ("BINDING :3", None),
    ("BINDING P05067-2:", None),
    ("binding 2", None),
    ("HELIX 2..4", None),
    ("2..4", None),
    (ATP, None),
    (f"{ATP}; BINDING 2", None),
    ('BINDING 2; /ligand="ATP', None),
    ("BINDING 2; /ligand=ATP", None),
    ("BINDING 2; ligand", None),
    ("BINDING 2, BINDING 3", None),
    ("nan", None),
]
LIGANDS = [
    (f"BINDING 1; {ATP}", "ATP"),
    ('BINDING 1; /ligand="a; ""b"""', 'a; "b"'),
    ('BINDING 1; /ligand=" ATP "', "ATP"),
    ('BINDING 1; /note="in other chain"', "unnamed ligand"),
    ("BINDING 1", "unnamed ligand"),
    ('METAL 1; /note="Zinc 2"', "Zinc 2"),
    ("METAL 1", "metal"),
    ('NP_BIND 1; /note="GTP"', "GTP"),
    ("CA_BIND 1", "Ca(2+)"),
    ('DNA_BIND 1; /note="Homeobox"', "DNA"),
    ('ACT_SITE 1; /note="Nucleophile"', "active site"),
]


@pytest.mark.parametrize(("text", "wanted"), LABELLED)
def test_a_cell_of_features_labels_five_residues(text: str, wanted: str | None) -> None:
    """Or is refused, if ``wanted`` is None."""
    if wanted is None:
        with pytest.raises(ValueError, match=r"."):
            label(read_features(text), 5)
        return
    found = label(read_features(text), 5)

    assert "".join({IGNORED: "."}.get(each, str(each)) for each in found.labels) == wanted
    assert found.masked == wanted.count(".")
    assert {at for sites in found.ligands.values() for at in sites} == {
        at for at, each in enumerate(wanted) if each == "1"
    }


def test_the_table_has_cases_of_every_kind() -> None:
    """At least eighty cases, of every kind."""
    assert len({text for text, _ in LABELLED}) == len(LABELLED) >= 80


@pytest.mark.parametrize(("text", "ligand"), LIGANDS)
def test_the_ligand_is_the_feature_s_own_name(text: str, ligand: str) -> None:
    """Or the name of its kind."""
    assert [ligand_of(feature) for feature in read_features(text)] == [ligand]


@pytest.mark.parametrize(
    "place", ["3", "3..5", "<1", "<1..5", "3..>9", "?4", "?", "?..9", "P05067-2:3..5", "Q1-2:?"]
)
def test_a_location_is_formatted_as_it_was_read(place: str) -> None:
    """So that messages quote the file."""
    assert read_features(f"BINDING {place}")[0].place == place


HEADER = "Entry\tReviewed\tSequence\tProtein families\tBinding site\tActive site\n"
ROWS = (
    'P1\treviewed\tMKVLA\tKinase family\tBINDING 2..3; /ligand="ATP"; BINDING 5; '
    '/ligand="Mg(2+)"; /ligand_id="ChEBI:CHEBI:18420"\tACT_SITE 4; /note="Proton acceptor; by x"\n'
    "P2\treviewed\tMKVLAAAA\t\tBINDING <1..2; BINDING 6\t\n"
    "P3\treviewed\tMKV\t\t\t\n"
    "P4\treviewed\tMKVLL\t\tBINDING P4-2:3; BINDING 1\t\n"
)


def read(path: Path) -> tuple[list[Chain], RecordErrors]:
    """A table's chains, and the notes and faults."""
    problems = RecordErrors()
    return read_table(path, path.name, problems), problems


def test_a_download_is_read_unchanged(tmp_path: Path) -> None:
    """Columns in any order, quotes and semicolons within; entries without features are counted."""
    path = tmp_path / "uniprot.tsv"
    path.write_text(HEADER + ROWS)
    chains, problems = read(path)

    assert [chain.id for chain in chains] == ["P1", "P2", "P4"]
    assert chains[0].labels == (0, 1, 1, 1, 1)
    assert chains[0].ligands == {"ATP": (1, 2), "Mg(2+)": (4,), "active site": (3,)}
    assert chains[1].labels == (IGNORED, IGNORED, 0, 0, 0, 1, 0, 0)
    assert chains[2].labels == (1, 0, 0, 0, 0)
    assert problems.records == problems.files == []
    assert problems.counts == {
        "entries without a feature": 1,
        "features of uncertain position": 1,
        "residues masked for them": 2,
        "features of another isoform": 1,
    }


@pytest.mark.parametrize(
    ("cells", "labels"),
    [
        ("BINDING P1-2:3\t", None),
        ("BINDING P1-2:3..9; BINDING Q9-3:<1\tACT_SITE P1-2:2", None),
        ("\tACT_SITE P1-2:2", None),
        ("BINDING P1-2:3\tACT_SITE 2", (0, 1, 0)),
        ("BINDING P1-2:3; BINDING ?2\t", (0, IGNORED, 0)),
        ("NA\tACT_SITE 2", (0, 1, 0)),
    ],
)
def test_an_entry_with_only_another_isoforms_features_is_skipped_and_counted(
    tmp_path: Path, cells: str, labels: tuple[int, ...] | None
) -> None:
    """It has no information on this sequence."""
    path = tmp_path / "x.tsv"
    path.write_text(f"Entry\tSequence\tBinding site\tActive site\nP1\tMKV\t{cells}\n")
    chains, problems = read(path)

    assert [chain.labels for chain in chains] == ([] if labels is None else [labels])
    assert problems.records == problems.files == []
    left_out = "entries whose features are all of another isoform"
    assert problems.counts.get(left_out, 0) == (labels is None)


def test_a_table_saved_again_reads_the_same(tmp_path: Path) -> None:
    """Pandas quotes such cells and doubles inner quotes; Parquet does neither."""
    pandas = pytest.importorskip("pandas")
    path = tmp_path / "uniprot.tsv"
    path.write_text(HEADER + ROWS)
    frame = pandas.read_csv(path, sep="\t", quoting=3, keep_default_na=False)
    frame.to_csv(tmp_path / "again.csv", index=False)
    frame.to_csv(tmp_path / "again.tsv", index=False, sep="\t")
    frame.to_parquet(tmp_path / "again.parquet")
    wanted = [(c.id, c.labels, dict(c.ligands)) for c in read(path)[0]]

    for name in ("again.csv", "again.tsv", "again.parquet"):
        assert [(c.id, c.labels, dict(c.ligands)) for c in read(tmp_path / name)[0]] == wanted


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (
            "MKV\tBINDING 4\t",
            "features must be BINDING, ACT_SITE, METAL, NP_BIND, CA_BIND, DNA_BIND",
        ),
        (
            "MKV\tBINDING 4\t",
            "within 1 to 3, the sequence's length, got 'BINDING 4' (x.tsv, line 2).",
        ),
        ("MKV\tBINDING 2-3\t", "binding site must be features as UniProt writes them, such as"),
        ("MKV\t\tACT_SITE 2; odd", "active site must be features as UniProt writes them"),
        ("MK1\tBINDING 2\t", "sequence must hold letters A to Z only"),
        ("\tBINDING 2\t", "sequence must hold at least one residue"),
    ],
)
def test_a_bad_entry_is_reported_and_the_others_are_read(
    tmp_path: Path, cells: str, expected: str
) -> None:
    """With the file and the line."""
    path = tmp_path / "x.tsv"
    header = "Entry\tSequence\tBinding site\tActive site\n"
    path.write_text(f"{header}P1\t{cells}\nP2\tMKV\tBINDING 2\t\n")
    chains, problems = read(path)

    assert [chain.id for chain in chains] == ["P2"]
    assert len(problems.records) == 1
    assert expected in problems.records[0]


def test_a_table_with_its_own_labels_is_not_read_as_uniprot_s(tmp_path: Path) -> None:
    """Labels added by a user take precedence."""
    path = tmp_path / "x.csv"
    path.write_text("entry,sequence,labels,binding site\nP1,MKV,010,BINDING 1\n")
    (chain,), problems = read(path)

    assert chain.labels == (0, 1, 0)
    assert problems == RecordErrors()
