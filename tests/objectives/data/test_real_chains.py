"""The TargetS chains and the real ESM-2 tokenizer."""

from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from objectives.data.options import DataOptions
from objectives.data.prepare.prepare import PreparedData, prepare
from objectives.data.similarity.kmers import THRESHOLD, K

if TYPE_CHECKING:
    from datasets import Dataset


@pytest.fixture(scope="module")
def loaded(
    shared: Any, tmp_path_factory: pytest.TempPathFactory
) -> tuple[PreparedData, PreparedData, float, Any]:
    """The real chains prepared, and loaded again, with the seconds of the second time."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(shared / "models" / "esm2_t6_8m")
    cache = tmp_path_factory.mktemp("cache")
    source = str(shared / "data" / "binding_residues")
    arguments: dict[str, Any] = {
        "tokenizer": tokenizer,
        "base_limit": 1022,
        "options": DataOptions(),
        "cache": cache,
    }
    first = prepare(source, **arguments)
    begin = time.process_time()
    second = prepare(source, **arguments)
    seconds = time.process_time() - begin
    assert len(list(cache.iterdir())) == 1
    return first, second, seconds, tokenizer


def chains_of(table: Dataset, tokenizer: Any) -> list[str]:
    """The sequences of a split, reassembled from the windows' own residues."""
    parts: dict[int, list[str]] = {}
    for row in table:
        letters = np.array(tokenizer.convert_ids_to_tokens(row["input_ids"]))
        parts.setdefault(row["chain"], []).extend(letters[np.array(row["labels"]) != -100])
    return ["".join(parts[number]) for number in sorted(parts)]


@pytest.mark.integration
def test_counts_are_those_of_the_files(loaded: tuple[Any, ...]) -> None:
    """Compared with counts by an independent script."""
    summary = loaded[0].summary

    assert summary.merged == 5376 - 4199 - 727
    assert summary.dropped_overlap == 7
    assert summary.splits["train"].chains + summary.splits["validation"].chains == 4199 - 7
    assert summary.splits["test"].chains == 727
    assert summary.splits["test"].lengths["max"] == 2954
    assert list(summary.ligands) == [
        "ADP",
        "AMP",
        "ATP",
        "CA",
        "GDP",
        "GTP",
        "HEME",
        "MG",
        "MN",
        "ZN",
    ]
    assert summary.skipped_bad == ()
    total = summary.splits["train"].residues + summary.splits["validation"].residues
    assert summary.splits["validation"].residues / total == pytest.approx(0.15, abs=0.001)


@pytest.mark.integration
def test_second_load_comes_from_the_cache(loaded: tuple[Any, ...]) -> None:
    """The same tables from the same files, in less than a second of processor time."""
    first, second, seconds, _ = loaded

    assert second.train.cache_files == first.train.cache_files
    assert second.summary == first.summary
    assert second.fingerprint == first.fingerprint
    assert seconds < 1


@pytest.mark.integration
def test_windows_hold_every_residue_of_every_chain(loaded: tuple[Any, ...], shared: Any) -> None:
    """Reassembled, the test chains equal those of the files."""
    data, _, _, tokenizer = loaded
    lines = [
        line.rsplit(";", 1)[1].strip()
        for file in sorted((shared / "data" / "binding_residues" / "test").iterdir())
        for line in file.read_text().splitlines()[1:]
    ]

    assert chains_of(data.test, tokenizer) == list(dict.fromkeys(lines))


@pytest.mark.integration
def test_no_near_duplicate_straddles_train_and_validation(loaded: tuple[Any, ...]) -> None:
    """Every pair across the split shares fewer k-mers than the threshold."""
    data, _, _, tokenizer = loaded
    train, validation = (
        [
            {sequence[at : at + K] for at in range(len(sequence) - K + 1)}
            for sequence in chains_of(table, tokenizer)
        ]
        for table in (data.train, data.validation)
    )
    holders: dict[str, list[int]] = {}
    for number, kmers in enumerate(validation):
        for kmer in kmers:
            holders.setdefault(kmer, []).append(number)
    closest = 0.0
    for kmers in train:
        shared = Counter(number for kmer in kmers & holders.keys() for number in holders[kmer])
        for number, count in shared.items():
            closest = max(closest, count / min(len(kmers), len(validation[number])))

    assert 0 < closest < THRESHOLD


@pytest.mark.integration
def test_clusters_are_many_and_small(loaded: tuple[Any, ...]) -> None:
    """Links through third chains do not merge all into one cluster."""
    summary = loaded[0].summary

    assert 3000 < summary.clusters < 4192
    assert summary.largest_cluster < 20
