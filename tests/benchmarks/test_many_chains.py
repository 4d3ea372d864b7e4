"""The benchmark of many chains: its synthetic table and its cached run."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.data.many_chains import measure
from benchmarks.data.synthetic import write_table
from objectives.data.errors import RecordErrors
from objectives.data.formats.source import open_source
from objectives.data.splits import merge_identical


def test_synthetic_chains_are_read_without_bad_records(tmp_path: Path) -> None:
    """The real reader accepts all records, and the same seed gives the same table."""
    path = tmp_path / "chains.tsv"
    residues = write_table(path, 600)
    first, problems = path.read_bytes(), RecordErrors()
    chains = open_source(str(path)).read(problems).train

    assert not problems.records
    assert len(chains) == 600
    assert sum(len(chain.sequence) for chain in chains) == residues
    assert 0.01 < sum(sum(chain.labels) for chain in chains) / residues < 0.03
    assert 0 < 600 - len(merge_identical(chains)) < 30
    assert write_table(path, 600) == residues
    assert path.read_bytes() == first


@pytest.mark.slow
def test_the_second_process_uses_the_cache(tmp_path: Path) -> None:
    """It splits and tokenises nothing, and reads every training token once."""
    found = measure(tmp_path / "work", 400, carve=True)

    assert found["cold_divide_seconds"] > 0
    assert found["warm_tokens_of_an_epoch"] > 0.8 * found["residues"]
    assert len(found["warm_anonymous_megabytes"]) == 11
    assert not any(name.startswith("warm_divide") for name in found)
