"""The counts of ``data describe``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from relatives import relative, unlike

from objectives.data.tools.describe import describe
from sweep.errors import DataError, UsageError


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """UniProt entries, and a test split with some of their relatives."""
    train, strangers = unlike(20, 100), unlike(2, 100, seed=1)
    head = "Entry\tSequence\tProtein families\tBinding site\n"
    rows = [
        f'P{i}\t{sequence}\t{"Big family, S subfamily" if i % 2 else ""}\tBINDING 3; /ligand="ATP"'
        for i, sequence in enumerate(train)
    ]
    rows[0] += "; BINDING ?9..10"
    rows.append(f'Q0\t{train[1]}\tOther family\tBINDING 5; /ligand="ZN"')  # a duplicate
    held_out = [train[2], relative(train[3], 0.97), *strangers]
    tests = [f'T{i}\t{each}\t\tBINDING 1; /ligand="ZN"' for i, each in enumerate(held_out)]
    (tmp_path / "train.tsv").write_text(head + "\n".join(rows) + "\n")
    (tmp_path / "test.tsv").write_text(head + "\n".join(tests) + "\n")
    return tmp_path


def test_counts_are_those_of_the_files(source: Path) -> None:
    """Compared with counts by hand; the tree is JSON."""
    found = describe(str(source), {"validation_fraction": 0.3, "data_seed": 2}, leakage="kmers")

    assert json.loads(json.dumps(found)) == found
    assert (found["records"], found["merged"], found["dropped_overlap"]) == (25, 1, 1)
    assert found["left_open"] == {
        "features of uncertain position": 1,
        "residues masked for them": 2,
    }
    chains = {name: split["chains"] for name, split in found["splits"].items()}
    assert chains["train"] + chains["validation"] == 19
    assert chains["test"] == 4
    assert sum(split["masked"] for split in found["splits"].values()) == 2
    assert found["splits"]["test"]["lengths"]["median"] == 100
    assert found["ligands"] == {
        "ATP": {"residues": 19, "chains": 19},
        "ZN": {"residues": 5, "chains": 5},
    }
    assert found["families"] == {
        "families": 2,
        "chains_with": 10,
        "chains_without": 13,
        "commonest": {"big family": 10, "other family": 1},
    }
    assert found["clusters"] == 19
    assert found["leakage"]["test"]["identity_90"] in {0.0, 0.25}  # the split of chain 3 is random
    assert found["leakage"]["validation"]["identical"] == 0


def test_data_settings_apply(source: Path) -> None:
    """As in a study; training settings and invalid values are refused."""
    by_family = describe(str(source), {"split_by": "family"}, leakage="none")

    assert by_family["grouping"]["families"] == 2
    assert by_family["largest_cluster"] == 10
    assert by_family["leakage"] is None
    with pytest.raises(UsageError, match="--set epochs must be a setting of the data"):
        describe(str(source), {"epochs": 2})
    with pytest.raises(DataError, match=r"settings.split_by must be 'cluster' or 'family'"):
        describe(str(source), {"split_by": "species"})
