"""A sweep of short trials is hit at random moments and resumed, and loses no trial."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from faults.campaign import Campaign, check_results, make_spec, run_campaign, uninterrupted

from sweep.storage.url import StorageUrl


def one(
    url: str, folder: Path, trials: int, hits: int, seed: int, longest: float = 4.0
) -> dict[str, object]:
    """Run a campaign and check its results."""
    spec = make_spec(trials)
    expected = uninterrupted(spec, folder / "plain")
    home = folder / "hit"
    home.mkdir()
    campaign = Campaign(StorageUrl.parse(url), home, spec, random.Random(seed))
    run_campaign(campaign, hits, longest)
    return check_results(campaign, expected)


def test_a_few_hits_lose_and_duplicate_nothing(tmp_path: Path) -> None:
    """The short version of the test below."""
    counts = one(f"sqlite:///{tmp_path}/s.db", tmp_path, trials=12, hits=5, seed=1, longest=3.0)

    print(counts)
    assert counts["COMPLETE"] == 12


@pytest.mark.slow
def test_a_few_hits_on_a_journal(tmp_path: Path) -> None:
    """Optuna's journal file instead of SQLite."""
    counts = one(f"journal:///{tmp_path}/s.log", tmp_path, trials=12, hits=4, seed=2)

    print(counts)
    assert counts["COMPLETE"] == 12


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("seed", [11])
def test_a_hundred_hits_lose_and_duplicate_nothing(tmp_path: Path, seed: int) -> None:
    """At least a hundred hits over at least two hundred trials."""
    hits = trials = 0
    for attempt in range(9):
        folder = tmp_path / str(attempt)
        folder.mkdir()
        left = max(100 - hits, 1)
        counts = one(f"sqlite:///{folder}/s.db", folder, 210, left, seed + attempt)
        print(counts)
        hits += sum(counts["hits"].values())  # type: ignore[attr-defined]
        trials += int(str(counts["COMPLETE"]))
        if hits >= 100:
            break

    print(f"{hits} hits over {trials} completed trials")
    assert hits >= 100
    assert trials >= 200
