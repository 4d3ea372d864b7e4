"""From a data source to tokenised, cached splits."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from objectives.data.options import DataOptions
from objectives.data.prepare.divide import Division, divide
from objectives.data.prepare.prepare import PreparedData, prepare
from objectives.data.prepare.summary import DataSummary
from sweep.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path

LETTERS = np.array(list("ACDEFGHIKLMNPQRSTVWY"))


def sequences(count: int, length: int = 60, seed: int = 0) -> list[str]:
    """Dissimilar sequences."""
    random = np.random.default_rng(seed)
    return ["".join(random.choice(LETTERS, length)) for _ in range(count)]


def write(folder: Path, files: dict[str, list[str]]) -> Path:
    """Text files whose chains bind at their first residue."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, chains in files.items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        lines = [f"{i + 1000};A;{chain[0]}1;{chain}\n" for i, chain in enumerate(chains)]
        path.write_text("".join(lines))
    return folder


class Preparer:
    """``prepare`` with defaults for most arguments."""

    def __init__(self, tokenizer: Any, cache: Path) -> None:
        self.tokenizer = tokenizer
        self.cache = cache

    def __call__(self, source: Path, limit: int = 1022, **options: Any) -> PreparedData:
        """Prepare a source."""
        return prepare(
            str(source),
            tokenizer=self.tokenizer,
            base_limit=limit,
            options=DataOptions(**options),
            cache=self.cache,
        )

    def entries(self) -> int:
        """The number of entries in the cache."""
        return len(list(self.cache.iterdir()))


@pytest.fixture
def preparer(tokenizer: Any, tmp_path: Path) -> Preparer:
    """A function that prepares data with its own cache."""
    return Preparer(tokenizer, tmp_path / "cache")


def test_data_changed_while_they_are_read_are_not_cached(
    preparer: Preparer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise the new data would be stored under the old data's digest."""
    chains = sequences(20)
    source = write(tmp_path / "data", {"train.txt": chains[:10]})

    def overtaken(*arguments: Any) -> Division:
        write(source, {"train.txt": chains})
        return divide(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr("objectives.data.prepare.prepare.divide", overtaken)
        with pytest.raises(DataError, match="data must stay what it is while it is read"):
            preparer(source)
    write(source, {"train.txt": chains[:10]})
    data = preparer(source)

    assert data.summary.splits["train"].chains + data.summary.splits["validation"].chains == 10


def test_summary_counts_what_was_done(preparer: Preparer, tmp_path: Path) -> None:
    """Merged, overlapping and long chains are counted; the rest adds up."""
    chains = sequences(20)
    long = sequences(2, length=90, seed=1)
    root = write(
        tmp_path / "data",
        {
            "train/ATP_x.txt": [*chains[:15], long[0]],
            "train/ZN_x.txt": chains[:3],
            "test/ZN_x.txt": [*chains[14:18], long[1]],
        },
    )

    data = preparer(root, limit=40, max_residues=60, validation_fraction=0.25)

    summary = data.summary
    assert (summary.merged, summary.dropped_overlap, summary.dropped_long) == (3, 1, 2)
    assert {name: split.chains for name, split in summary.splits.items()} == {
        "train": 11,
        "validation": 3,
        "test": 4,
    }
    assert summary.splits["train"].residues == 660
    assert summary.splits["train"].positives == 11
    assert summary.splits["train"].positives_share == pytest.approx(1 / 60)
    assert summary.splits["train"].windows == len(data.train) == 22
    assert summary.splits["test"].lengths == dict.fromkeys(
        ["min", "q25", "median", "q75", "max"], 60
    )
    assert summary.ligands == {"ATP": 14, "ZN": 3 + 4}
    assert (summary.clusters, summary.largest_cluster) == (14, 1)
    assert "25% of the training residues" in summary.split_method
    assert data.test is not None
    assert sum(np.sum(np.array(row["labels"]) != -100) for row in data.test) == 240


def test_summary_survives_json(preparer: Preparer, tmp_path: Path) -> None:
    """The summary that ``check --json`` prints can be parsed."""
    root = write(tmp_path / "data", {"ZN_x.txt": sequences(10)})
    (root / "CA_x.txt").write_text("1;A;D2;MKV\n")

    summary = preparer(root, skip_bad=True).summary

    assert DataSummary.from_json(json.loads(json.dumps(summary.to_json()))) == summary


def test_a_given_validation_split_is_used(preparer: Preparer, tmp_path: Path) -> None:
    """None is carved out, and its sequences are removed from train."""
    chains = sequences(6)
    root = write(
        tmp_path / "data", {"train/ZN_x.txt": chains[:5], "validation/ZN_x.txt": chains[4:]}
    )

    data = preparer(root)

    assert (len(data.train), len(data.validation), data.test) == (4, 2, None)
    assert data.summary.clusters is None
    assert data.summary.dropped_overlap == 1
    assert data.summary.split_method == "validation split as given by the source"


def test_no_relative_of_a_validation_chain_is_in_training(
    preparer: Preparer, tmp_path: Path
) -> None:
    """Families of near-duplicates stay on one side."""
    families = [
        [parent[:at] + "A" + parent[at + 1 :] for at in (10, 25, 45)] for parent in sequences(12)
    ]
    root = write(
        tmp_path / "data", {"ZN_x.txt": [chain for family in families for chain in family]}
    )

    data = preparer(root, validation_fraction=0.3)

    def family(row: dict[str, Any]) -> int:
        return (int(row["chain_id"].split("_")[0]) - 1000) // 3

    assert len(data.validation) == 9
    assert not {family(row) for row in data.train} & {family(row) for row in data.validation}
    assert (data.summary.clusters, data.summary.largest_cluster) == (12, 3)


def test_the_cache_is_used_only_for_the_same_content(preparer: Preparer, tmp_path: Path) -> None:
    """A moved folder is the same; another label, option or limit is not."""
    chains = sequences(10)
    root = write(tmp_path / "data", {"ZN_x.txt": chains})
    first = preparer(root)
    moved = preparer(root.rename(tmp_path / "moved"))

    assert preparer.entries() == 1
    assert moved.fingerprint == first.fingerprint

    assert preparer(tmp_path / "moved", limit=50).fingerprint == first.fingerprint
    assert preparer.entries() == 2
    assert preparer(tmp_path / "moved", data_seed=3).fingerprint != first.fingerprint
    assert preparer.entries() == 3


def test_ignored_files_are_noted_for_the_current_folder(preparer: Preparer, tmp_path: Path) -> None:
    """A file beside the data changes the notes, but prepares nothing again."""
    root = write(tmp_path / "data", {"ZN_x.txt": sequences(10)})
    first = preparer(root).summary
    (root / "more.xlsx").write_text("")
    second = preparer(root).summary

    assert first.files == {"train": {"ZN_x.txt": 10}}
    assert (first.passed_over, second.passed_over) == (
        (),
        ("more.xlsx: is of no format that is read",),
    )
    assert preparer.entries() == 1


def test_fingerprint_changes_with_a_single_label(preparer: Preparer, tmp_path: Path) -> None:
    """One more binding residue makes other data."""
    root = write(tmp_path / "data", {"ZN_x.txt": sequences(10)})
    first = preparer(root).fingerprint
    file = root / "ZN_x.txt"
    chain = sequences(10)[0]
    file.write_text(file.read_text().replace(f"{chain[0]}1;", f"{chain[0]}1 {chain[1]}2;", 1))

    assert preparer(root).fingerprint != first


def test_fingerprint_does_not_depend_on_the_file_format(preparer: Preparer, tmp_path: Path) -> None:
    """The same chains from CSV and JSON Lines are the same data."""
    chains = sequences(10)
    table = tmp_path / "chains.csv"
    table.write_text("sequence,positions\n" + "".join(f"{chain},1 5\n" for chain in chains))
    lines = tmp_path / "chains.jsonl"
    rows = ({"sequence": chain.lower(), "positions": [5, 1]} for chain in chains)
    lines.write_text("".join(json.dumps(row) + "\n" for row in rows))

    assert preparer(table).fingerprint == preparer(lines).fingerprint


def test_bad_records_are_refused_or_skipped_and_listed(preparer: Preparer, tmp_path: Path) -> None:
    """With ``skip_bad`` the rest is used, and the summary lists what is missing."""
    root = write(tmp_path / "data", {"ZN_x.txt": sequences(10)})
    (root / "CA_x.txt").write_text("1;A;D2;MKV\n2;A;M1;MKV\n")

    with pytest.raises(
        DataError, match=re.escape(f"got '1 bad' ({root}).") + r"(.|\n)*CA_x.txt, line 1"
    ):
        preparer(root)
    summary = preparer(root, skip_bad=True).summary

    assert len(summary.skipped_bad) == 1
    assert "D2 (the sequence has K)" in summary.skipped_bad[0]
    assert sum(split.chains for split in summary.splits.values()) == 11


def test_caps_are_applied_after_splitting(preparer: Preparer, tmp_path: Path) -> None:
    """A smaller training set is scored on the same validation chains."""
    root = write(
        tmp_path / "data", {"train/Z_x.txt": sequences(40), "test/Z_x.txt": sequences(9, seed=5)}
    )

    whole, capped = preparer(root), preparer(root, train_chains=7, test_chains=4)

    assert len(capped.train) == 7
    assert capped.validation["chain_id"][:] == whole.validation["chain_id"][:]
    assert capped.test is not None
    assert len(capped.test) == 4
    assert set(capped.train["chain_id"][:]) < set(whole.train["chain_id"][:])


def test_every_invalid_option_is_reported(preparer: Preparer, tmp_path: Path) -> None:
    """Before anything is read."""
    with pytest.raises(
        DataError, match=r"settings.max_residues must .*\nsettings.data_seed .*\nbase_limit "
    ):
        preparer(tmp_path / "nothing", limit=0, data_seed=-1, max_residues=0)


def test_data_without_remaining_chains_are_refused(preparer: Preparer, tmp_path: Path) -> None:
    """A limit below every length leaves nothing to train on."""
    root = write(tmp_path / "data", {"ZN_x.txt": sequences(4)})

    with pytest.raises(DataError, match=r"train must hold at least one chain .*Raise max_residues"):
        preparer(root, max_residues=10)


def test_data_without_binding_residues_are_refused(preparer: Preparer, tmp_path: Path) -> None:
    """All predictions would score the same."""
    table = tmp_path / "chains.csv"
    table.write_text("sequence,positions\n" + "".join(f"{chain},[]\n" for chain in sequences(5)))

    with pytest.raises(DataError, match="validation must hold binding residues, got '1 chains"):
        preparer(table, validation_fraction=0.2)


def test_same_options_give_the_same_tables(preparer: Preparer, tmp_path: Path) -> None:
    """Preparing again without the cache gives the same rows."""
    root = write(tmp_path / "data", {"ZN_x.txt": sequences(30)})
    other = Preparer(preparer.tokenizer, tmp_path / "other")

    one, two = preparer(root), other(root)

    assert one.train.to_list() == two.train.to_list()
    assert one.summary == two.summary
