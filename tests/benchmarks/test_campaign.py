"""A benchmark campaign that was interrupted resumes with the same records."""

import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from benchmarks.verdict import campaign as module
from benchmarks.verdict import records
from benchmarks.verdict.campaign import campaign, cells_of
from benchmarks.verdict.figures import Rate, coverage, part, verdicts
from benchmarks.verdict.fingerprint import digest
from benchmarks.verdict.study import Cell, run_study
from benchmarks.verdict.table import page

CELL = Cell("Arand", 40, draws=100)
"""Cells that are fast to simulate and analyse."""

ROOT = Path(__file__).parents[2]


def read(folder: Path) -> list[dict[str, Any]]:
    """The records of the one cell, without timing."""
    ((_, found),) = records.read(folder)
    return [{k: v for k, v in record.items() if k != "seconds"} for record in found]


@pytest.mark.integration
def test_a_killed_campaign_continues_to_the_same_records(tmp_path: Path) -> None:
    """Killed after the first record, then finished: the records equal an uninterrupted run's."""
    command = [sys.executable, "-m", "benchmarks.verdict.campaign", "--out", str(tmp_path)]
    options = ["--cells", "Arand:40", "--studies", "400", "--draws", "100", "--workers", "1"]
    path = records.path_of(tmp_path, CELL)
    process = subprocess.Popen([*command, *options], cwd=ROOT)
    for _ in range(600):
        if path.exists() and path.read_text().count("\n") >= 3:
            break
        time.sleep(0.1)
    process.kill()
    process.wait()
    done = len(read(tmp_path))

    campaign([CELL], done + 2, tmp_path, workers=1, nice=0)

    found = read(tmp_path)
    assert 2 <= done < 400
    assert [record["study"] for record in found] == list(range(done + 2))
    for study in (0, done - 1, done, done + 1):
        again = run_study(CELL, study)
        again.pop("seconds")
        assert found[study] == again
    assert all("verdict" in record for record in found)


def test_an_incomplete_last_line_is_computed_again(tmp_path: Path) -> None:
    """An incomplete line left by a kill is not a record."""
    campaign([CELL], 2, tmp_path, workers=1, nice=0)
    whole = read(tmp_path)
    path = records.path_of(tmp_path, CELL)
    path.write_text(path.read_text()[:-20])

    campaign([CELL], 2, tmp_path, workers=1, nice=0)

    assert read(tmp_path) == whole


@pytest.mark.integration
def test_the_number_of_workers_does_not_change_the_records(tmp_path: Path) -> None:
    """Two processes write the same records as one."""
    campaign([CELL], 6, tmp_path / "one", workers=1, nice=0)

    campaign([CELL], 6, tmp_path / "two", workers=2, nice=0)

    assert read(tmp_path / "one") == read(tmp_path / "two")


def test_records_of_other_settings_are_refused(tmp_path: Path) -> None:
    """Records are appended only to a file of the same settings."""
    campaign([CELL], 1, tmp_path, workers=1, nice=0)

    with pytest.raises(records.OtherCodeError, match="other code or settings"):
        campaign([replace(CELL, draws=101)], 1, tmp_path, workers=1, nice=0)

    assert len(read(tmp_path)) == 1


def test_a_study_whose_analysis_raises_is_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is a record and a row of the table, and counts in no share."""
    campaign([CELL], 2, tmp_path, workers=1, nice=0)

    def broken(_cell: Cell, study: int) -> dict[str, Any]:
        return {"study": study, "seed": 0, "error": "ValueError: no", "seconds": 0.0}

    monkeypatch.setattr(module, "run_study", broken)
    campaign([CELL], 3, tmp_path, workers=1, nice=0)

    text = page(tmp_path, "2026-01-01")
    assert "raised in 1 studies" in text
    assert "Arand-40: ValueError: no" in text
    assert "2 studies" in text


def test_cells_are_read_from_the_command_line() -> None:
    """Pairs of scenario and trials, or all scenarios."""
    found = cells_of("A:162,B:40,A:162", 500, 1, cross_checks=True)

    assert found == [Cell("A", 162, 500, True, 1), Cell("B", 40, 500, True, 1)]
    assert len(cells_of("all:40", 500, 0, cross_checks=False)) > 15
    with pytest.raises(SystemExit, match="'Z:40' must be one of A, A2"):
        cells_of("Z:40", 500, 0, cross_checks=False)


def test_comments_do_not_change_a_digest(tmp_path: Path) -> None:
    """Nor do docstrings; a changed number does."""
    texts = ('"""A."""\nx = 1\n', "# b\nx  =  1\n", "x = 2\n")

    found = []
    for text in texts:
        (tmp_path / "a.py").write_text(text)
        found.append(digest(tmp_path))

    assert found[0] == found[1] != found[2]


def record(verdict: str, only_at: str = "", low: float = 0.0) -> dict[str, Any]:
    """A record with the fields that the figures read."""
    parts = [
        {"name": "dominance", "view": view, "state": verdict} for view in ("averaged", "optimised")
    ]
    total = {"rank": [0.1, low, 1.0, 0.5], "scaling": [0.1, low, 1.0, 0.0]}
    return {"verdict": verdict, "only_at": list(only_at), "parts": parts, "total": total}


def test_figures_count_verdicts_parts_and_coverage() -> None:
    """Conditional verdicts count apart; coverage is split by whether there is an effect."""
    found = [record("CONFIRMED"), record("CONFIRMED", "u"), record("REFUTED", low=0.6)]

    assert verdicts(found, "CONFIRMED") == Rate(1, 3)
    assert part(found, "dominance", "optimised") == Rate(2, 3)
    assert part(found, "dominance", "averaged", "REFUTED") == Rate(1, 3)
    assert part(found, "negligible", "averaged") == Rate(0, 0)
    assert coverage(found, "total", "rank") == (Rate(2, 3), Rate(0, 0))
    assert coverage(found, "total", "scaling") == (Rate(0, 0), Rate(2, 3))


def test_an_interval_without_events_is_clopper_pearson() -> None:
    """0 of 500: the upper end is 1 - .025 ** (1 / 500)."""
    low, high = Rate(0, 500).interval

    assert low == 0.0
    assert high == pytest.approx(1 - 0.025 ** (1 / 500))
    assert Rate(0, 500).with_interval == "0.0 (0.0-0.7)"
