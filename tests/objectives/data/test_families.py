"""Protein families: read from tables, and kept on one side of a split."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from relatives import unlike

from objectives.data.chain import Chain
from objectives.data.errors import RecordErrors
from objectives.data.formats.source import open_source
from objectives.data.formats.table import read_table
from objectives.data.options import DataOptions
from objectives.data.prepare.divide import divide
from objectives.data.similarity.grouping import families_of, link_families
from objectives.data.splits import merge_identical
from sweep.errors import DataError


@pytest.mark.parametrize(
    ("text", "families"),
    [
        ("", ()),
        ("GHMP kinase family", ("ghmp kinase family",)),
        (
            "Protein kinase superfamily, CAMK Ser/Thr protein kinase family, DAPK subfamily",
            ("protein kinase superfamily",),
        ),
        (
            "GHMP kinase family, GalK subfamily; Peptidase A1 family",
            ("ghmp kinase family", "peptidase a1 family"),
        ),
        ("4,5-DOPA dioxygenase family, X subfamily", ("4,5-dopa dioxygenase family",)),
        ("Belongs to the PMEI family; PMEI family", ("pmei family",)),
        (
            "In the N-terminal section; belongs to the PMEI family",
            ("pmei family",),
        ),
        (" ; ;", ()),
    ],
)
def test_the_widest_level_of_each_family_is_used(text: str, families: tuple[str, ...]) -> None:
    """Subfamilies of one superfamily are relatives; commas within names do not split them."""
    assert families_of(text) == families


def test_groups_join_clusters_that_share_a_family() -> None:
    """Also through a chain of two families; a chain without a family follows its cluster."""
    families = ["A family", "A family; B family", "B family", "", "", "C family"]
    clusters = np.array([0, 1, 2, 2, 3, 4])

    assert link_families(families, clusters).tolist() == [0, 0, 0, 0, 1, 2]


def test_uniprot_s_family_column_is_read(tmp_path: Path) -> None:
    """And its text is kept unchanged."""
    path = tmp_path / "entries.tsv"
    path.write_text(
        "Entry\tSequence\tProtein families\tBinding site\n"
        "P1\tMKVL\tGHMP kinase family, GalK subfamily\tBINDING 2\n"
        "P2\tMKVI\t\tBINDING 3\n"
    )

    chains = read_table(path, "entries.tsv", RecordErrors())

    assert [chain.family for chain in chains] == ["GHMP kinase family, GalK subfamily", ""]


@pytest.mark.parametrize(
    ("cell", "family"), [('"A family"', "A family"), ('["A family", "B"]', "A family; B")]
)
def test_other_tables_may_have_families_too(tmp_path: Path, cell: str, family: str) -> None:
    """As text or a list of texts."""
    path = tmp_path / "rows.jsonl"
    path.write_text(f'{{"sequence": "MKV", "labels": "010", "family": {cell}}}\n')

    (chain,) = read_table(path, "rows.jsonl", RecordErrors())

    assert chain.family == family


@pytest.mark.parametrize("cell", ["7", "null", '{"a": 1}', "[1, 2]", '""'])
def test_a_family_column_with_other_content_is_ignored(tmp_path: Path, cell: str) -> None:
    """Such tables were read before families existed."""
    path = tmp_path / "rows.jsonl"
    path.write_text(f'{{"sequence": "MKV", "labels": "010", "family": {cell}}}\n')
    problems = RecordErrors()

    (chain,) = read_table(path, "rows.jsonl", problems)

    assert chain.family == ""
    assert (problems.records, problems.files) == ([], [])


def test_a_merged_chain_has_every_record_s_family() -> None:
    """Each once."""
    chains = [
        Chain(str(number), "MKV", (0, 1, 0), family=family)
        for number, family in enumerate(["A family", "", "B family", "A family"])
    ]

    assert merge_identical(chains)[0].family == "A family; B family"


def write_entries(folder: Path, families: list[str]) -> Path:
    """Dissimilar chains of the given families."""
    path = folder / "entries.csv"
    rows = zip(unlike(len(families), 60), families, strict=True)
    path.write_text(
        "id,sequence,positions,family\n"
        + "".join(f"c{i},{sequence},1,{family}\n" for i, (sequence, family) in enumerate(rows))
    )
    return path


def test_no_family_straddles_train_and_validation(tmp_path: Path) -> None:
    """Although the sequences are dissimilar; clusters alone would separate them."""
    families = [f"F{number // 4} family" if number < 32 else "" for number in range(40)]
    path = write_entries(tmp_path, families)
    source = open_source(str(path))
    options = {"validation_fraction": 0.3}

    by_family = divide(source, "x", DataOptions(split_by="family", **options))
    by_cluster = divide(source, "x", DataOptions(**options))

    def straddling(division: object) -> set[str]:
        sides = division.splits.train, division.splits.validation  # type: ignore[attr-defined]
        return set.intersection(*({chain.family for chain in side} for side in sides)) - {""}

    assert not straddling(by_family)
    assert straddling(by_cluster)
    assert (by_family.clusters, by_family.largest_cluster) == (8 + 8, 4)
    assert by_family.grouping == {
        "kept_together": "family",
        "clusters_by": "k-mers",
        "families": 8,
        "chains_without_family": 8,
    }
    assert "whole protein families and clusters" in by_family.method
    assert "32 of 40 chains name a family" in by_family.method


def test_a_split_by_families_without_families_is_refused(tmp_path: Path) -> None:
    """The split would differ from the requested one."""
    path = write_entries(tmp_path, [""] * 10)

    with pytest.raises(DataError, match="split_by must be 'cluster' where no chain has a family"):
        divide(open_source(str(path)), "x", DataOptions(split_by="family"))
