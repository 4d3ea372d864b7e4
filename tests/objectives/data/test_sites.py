"""Binding sites of one chain in several records: united, contradicting, or partly unknown."""

from __future__ import annotations

from pathlib import Path

import pytest

from objectives.data.chain import IGNORED
from objectives.data.errors import RecordErrors
from objectives.data.formats.source import open_source
from objectives.data.options import DataOptions
from objectives.data.prepare.divide import divide
from objectives.data.splits import mask_dropped, merge_identical
from objectives.data.tools.convert import convert

TEXT = "1ABC;A;M1;MKTAY\n2ABC;A;W1;WQRDF\n1ABC;A;K2 Y5;MKTAY\n"
BIOLIP = (
    "pdb\tid\tligand\tpositions\tsequence\n1abc\t1abcA\tATP\tM1\tMKTAY\n"
    "2abc\t2abcA\tATP\tW1\tWQRDF\n1abc\t1abcA\tATP\tK2\tMKTAY\n1abc\t1abcA\tATP\tY5\tMKTAY\n"
)
UNITED = [("MKTAY", "11001", {"ATP": (0, 1, 4)}), ("WQRDF", "10000", {"ATP": (0,)})]
SITES: dict[str, tuple[dict[str, str], list[tuple[str, str, dict[str, tuple[int, ...]]]]]] = {
    "text": ({"ATP_x.txt": TEXT}, UNITED),
    "over files": (
        {"ATP_x.txt": "1ABC;A;M1;MKTAY\n2ABC;A;W1;WQRDF\n", "ATP_y.txt": "1ABC;A;K2 Y5;MKTAY\n"},
        UNITED,
    ),
    "BioLiP": ({"b.tsv": BIOLIP}, UNITED),
    "CSV": (
        {
            "d.csv": "id,sequence,positions,ligand\na,MKTAY,1,ATP\nb,WQRDF,1,ATP\n"
            "a,MKTAY,2 5,ATP\na,MKTAY,[],ATP\n"
        },
        UNITED,
    ),
    "JSON without ids": (
        {
            "d.jsonl": '{"sequence": "MKTAY", "positions": [1]}\n'
            '{"sequence": "MKTAY", "positions": [2, 5]}\n'
        },
        [("MKTAY", "11001", {})],
    ),
    "two ligands": (
        {"ATP_x.txt": "1ABC;A;M1;MKTAY\n", "ZN_x.txt": "1ABC;A;K2;MKTAY\n1ABC;A;Y5;MKTAY\n"},
        [("MKTAY", "11001", {"ATP": (0,), "ZN": (1, 4)})],
    ),
    "sites within full labels": (
        {
            "a.csv": "id,sequence,labels,ligand\na,MKTAY,1 1 0 0 -100,ATP\n",
            "b.csv": "id,sequence,positions,ligand\na,MKTAY,1 5,ATP\n",
        },
        [("MKTAY", "11001", {"ATP": (0, 1, 4)})],
    ),
}
CONTRADICTING: dict[str, tuple[dict[str, str], str]] = {
    "full labels": (
        {"d.csv": "id,sequence,labels\na,MKTAY,10000\na,MKTAY,11000\n"},
        "(d.csv, line 2), got 'a, different labels' (d.csv, line 3)",
    ),
    "a site that full labels deny": (
        {
            "a.csv": "id,sequence,labels\na,MKTAY,10000\n",
            "b.csv": "id,sequence,positions\na,MKTAY,2\n",
        },
        "(a.csv, line 2), got 'a, different labels' (b.csv, line 2)",
    ),
    "full labels that deny a site": (
        {
            "a.csv": "id,sequence,positions\na,MKTAY,2\n",
            "b.csv": "id,sequence,labels\na,MKTAY,10000\n",
        },
        "(a.csv, line 2), got 'a, different labels' (b.csv, line 2)",
    ),
    "other sequences": (
        {"ATP_x.txt": "1ABC;A;M1;MKTAY\n1ABC;A;M1;MKTAW\n"},
        "(ATP_x.txt, line 1), got '1ABC_A, different sequence' (ATP_x.txt, line 2)",
    ),
}


def write(folder: Path, files: dict[str, str]) -> Path:
    """Files in a new folder."""
    folder.mkdir()
    for name, text in files.items():
        (folder / name).write_text(text)
    return folder


def read(
    source: Path, *, masked: bool = False
) -> tuple[list[tuple[str, str, object]], RecordErrors]:
    """Sequence, labels (``.`` for unknown) and ligands of each chain, and the faults."""
    problems = RecordErrors()
    splits = open_source(str(source)).read(problems)
    if masked:
        splits = mask_dropped(splits, problems.dropped)
    return [
        (
            chain.sequence,
            "".join("." if x == IGNORED else str(x) for x in chain.labels),
            dict(chain.ligands),
        )
        for chain in merge_identical(splits.train)
    ], problems


@pytest.mark.parametrize("case", SITES)
def test_sites_of_one_chain_and_ligand_are_united(case: str, tmp_path: Path) -> None:
    """Also after a conversion."""
    files, expected = SITES[case]
    source = write(tmp_path / "data", files)

    assert read(source) == (expected, RecordErrors())
    convert(str(source), tmp_path / "out.csv")
    assert read(tmp_path / "out.csv") == (expected, RecordErrors())


@pytest.mark.parametrize("case", CONTRADICTING)
def test_full_labels_and_other_sequences_contradict(case: str, tmp_path: Path) -> None:
    """The later record is reported with the earlier one."""
    files, reason = CONTRADICTING[case]
    _, problems = read(write(tmp_path / "data", files))

    assert len(problems.records) == 1
    assert reason in problems.records[0]


DROPPED: dict[str, tuple[dict[str, str], list[tuple[str, str]]]] = {
    "a position outside": (
        {"ATP_x.txt": "1ABC;A;M1;MKTAY\n2ABC;A;W1;WQRDF\n", "ZN_x.txt": "1ABC;A;K2 X9;MKTAY\n"},
        [("MKTAY", "1...."), ("WQRDF", "10000")],
    ),
    "another id of the same sequence": (
        {"ATP_x.txt": "1ABC;A;M1;MKTAY\n", "ZN_x.txt": "9XYZ;B;X9;MKTAY\n"},
        [("MKTAY", "1....")],
    ),
    "a sequence that cannot be read": (
        {"ATP_x.txt": "1ABC;A;M1;MKTAY\n2ABC;A;W1;WQRDF\n", "ZN_x.txt": "1ABC;A;K2;MK1AY\n"},
        [("MKTAY", "1...."), ("WQRDF", "10000")],
    ),
    "a line of three fields": (
        {"ATP_x.txt": "1ABC;A;M1;MKTAY\n2ABC;A;W1;WQRDF\n", "ZN_x.txt": "1ABC;A;K2\n"},
        [("MKTAY", "1...."), ("WQRDF", "10000")],
    ),
    "labels that cannot be read": (
        {"d.csv": "id,sequence,labels,ligand\na,MKTAY,10000,ATP\na,MKTAY,0x000,ZN\nb,WQR,100,\n"},
        [("MKTAY", "1...."), ("WQR", "100")],
    ),
    "a row with a cell too few": (
        {"d.csv": "id,sequence,labels,ligand\na,MKTAY,10000,ATP\na,MKTAY,01000\nb,WQR,100,\n"},
        [("MKTAY", "1...."), ("WQR", "100")],
    ),
    "features that cannot be read": (
        {
            "u.tsv": "Entry\tSequence\tBinding site\nP1\tMKTAY\tBINDING 1\nP2\tMKTAY\tBINDING x\n"
            "P3\tWQR\tBINDING 1\n"
        },
        [("MKTAY", "1...."), ("WQR", "100")],
    ),
    "a contradiction": (
        {"d.csv": "id,sequence,labels\na,MKTAY,10000\na,MKTAY,01100\nb,WQR,100\n"},
        [("MKTAY", "1..00"), ("WQR", "100")],
    ),
    "a chain that is nowhere else": (
        {"d.csv": "id,sequence,labels\na,MKTAY,10000\nb,WQR,1000\n"},
        [("MKTAY", "10000")],
    ),
}


@pytest.mark.parametrize("case", DROPPED)
def test_labels_of_a_dropped_record_are_unknown(case: str, tmp_path: Path) -> None:
    """Its residues are not trained on as negatives."""
    files, expected = DROPPED[case]
    found, problems = read(write(tmp_path / "data", files), masked=True)

    assert [(sequence, labels) for sequence, labels, _ in found] == expected
    assert len(problems.records) == 1


def test_skipping_bad_records_masks_in_a_study_and_in_a_conversion(tmp_path: Path) -> None:
    """Both leave the records out."""
    text = "1ABC;A;M1;MKTAYIAKQRWW\n2ABC;A;W1;WQRDFHNSTLVE\n3ABC;A;C1;CPPGHLIVNAKD\n"
    source = write(tmp_path / "data", {"ATP_x.txt": text, "ZN_x.txt": "1ABC;A;K99;MKTAYIAKQRWW\n"})
    division = divide(open_source(str(source)), "x", DataOptions(skip_bad=True))
    chains = [chain for each in division.splits.given().values() for chain in each]
    convert(str(source), tmp_path / "out.csv", skip_bad=True)

    assert {chain.id: chain.labels.count(IGNORED) for chain in chains} == {
        "1ABC_A": 11,
        "2ABC_A": 0,
        "3ABC_A": 0,
    }
    assert read(tmp_path / "out.csv")[0][0][:2] == ("MKTAYIAKQRWW", "1" + "." * 11)


FAMILIES = ["NA", "nan", "None", "-", "null", "", "N/A", "unknown", "Unclassified", "NaN", "?"]


def test_a_word_for_missing_is_no_family_id_or_ligand(tmp_path: Path) -> None:
    """It would relate unrelated chains, and merge many into one."""
    from objectives.data.similarity.grouping import families_of

    rows = "".join(
        f"{word},MKTA{letter},1,{word}\n"
        for word, letter in zip(FAMILIES, "ACDEFGHIKLM", strict=True)
    )
    path = tmp_path / "d.csv"
    path.write_text("id,sequence,positions,family\n" + rows.replace("Unclassified,M", "nan,M"))
    problems = RecordErrors()
    chains = open_source(str(path)).read(problems).train

    assert problems == RecordErrors()
    assert [families_of(chain.family) for chain in chains] == [()] * len(FAMILIES)
    assert families_of("NA; Globin family; nan") == ("globin family",)
    assert all(chain.id.startswith("sequence-") for chain in chains)


def test_the_ligand_na_is_sodium(tmp_path: Path) -> None:
    """It is noted, because R writes NA for missing; other words name no ligand."""
    path = tmp_path / "d.csv"
    path.write_text(
        "sequence,positions,ligand\nMKTAY,1,NA\nMKTAW,1,nan\nMKTAV,1,None\nMKTAL,1,-\nMKTAI,1,ZN\n"
    )
    problems = RecordErrors()
    chains = open_source(str(path)).read(problems).train

    assert [list(chain.ligands) for chain in chains] == [["NA"], [], [], [], ["ZN"]]
    assert problems.counts == {"records of ligand 'NA', read as sodium and not as missing": 1}
