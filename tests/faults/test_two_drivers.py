"""Two drivers on one study never duplicate a trial."""

from __future__ import annotations

import random
import signal
import time
from collections import Counter
from pathlib import Path

import pytest
from faults.campaign import Campaign, make_spec, uninterrupted
from faults.postgres import Postgres

from sweep.storage.owner import ATTRIBUTE
from sweep.storage.studies import load_study
from sweep.storage.url import StorageUrl
from sweep.study.spec import StudySpec

TRIALS = 6


def race(url: str, folder: Path, spec: StudySpec, *arguments: str) -> tuple[Campaign, list[int]]:
    """Start two sweeps of one new study at the same time and wait for both."""
    folder.mkdir()
    campaign = Campaign(StorageUrl.parse(url), folder, spec, random.Random(0))
    processes = [campaign.launch(), campaign.launch(*arguments)]
    return campaign, [process.wait(120) for process in processes]


def check_one_driver(campaign: Campaign, codes: list[int], expected: Counter) -> str:
    """One driver ran all trials; the other was refused, or started after the end."""
    errors = campaign.stderr()
    assert 0 in codes, errors
    assert set(codes) <= {0, 1}, errors
    refused = errors.count("must have one driver at a time")
    assert refused == codes.count(1), errors
    assert "Traceback" not in errors
    assert campaign.results() == expected
    assert len(campaign.trials()) == TRIALS
    assert not campaign.steps_made_again()
    return "refused" if refused else "came late"


def rounds(urls: list[str], folder: Path) -> Counter[str]:
    """Repeat the race; counts of the second driver's outcomes."""
    spec = make_spec(TRIALS, seconds=0.2)
    expected = uninterrupted(spec, folder / "plain")
    outcomes: Counter[str] = Counter()
    for number, url in enumerate(urls):
        campaign, codes = race(url, folder / f"round{number}", spec)
        outcomes[check_one_driver(campaign, codes, expected)] += 1
    return outcomes


def sqlite_urls(folder: Path, n: int) -> list[str]:
    """URLs of new SQLite files."""
    return [f"sqlite:///{folder}/study{number}.db" for number in range(n)]


@pytest.mark.slow
def test_two_drivers_at_once(tmp_path: Path) -> None:
    """Also while the tables are created, where drivers of plain Optuna fail."""
    assert rounds(sqlite_urls(tmp_path, 3), tmp_path)["refused"] >= 1


@pytest.mark.slow
def test_two_drivers_at_once_on_a_server(postgres: Postgres, tmp_path: Path) -> None:
    """With PostgreSQL's lock."""
    urls = [postgres.new_database() for _ in range(2)]

    assert rounds(urls, tmp_path)["refused"] >= 1


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_two_drivers_twenty_times(postgres: Postgres, tmp_path: Path) -> None:
    """Twenty on SQLite, ten on PostgreSQL, five on a journal."""
    urls = sqlite_urls(tmp_path, 20)
    urls += [postgres.new_database() for _ in range(10)]
    urls += [f"journal:///{tmp_path}/study{number}.log" for number in range(5)]
    outcomes = rounds(urls, tmp_path)

    print(dict(outcomes))
    assert outcomes.total() == 35


@pytest.mark.slow
def test_eight_drivers_at_once_on_a_new_file(tmp_path: Path) -> None:
    """With plain Optuna seven would fail creating the tables; here all but one are refused."""
    spec = make_spec(TRIALS, seconds=2.0)
    expected = uninterrupted(spec, tmp_path / "plain")
    folder = tmp_path / "race"
    folder.mkdir()
    campaign = Campaign(
        StorageUrl.parse(f"sqlite:///{folder}/s.db"), folder, spec, random.Random(0)
    )
    processes = [campaign.launch() for _ in range(8)]
    codes = [process.wait(240) for process in processes]

    assert check_one_driver(campaign, codes, expected) == "refused"


def test_a_driver_that_is_taken_over_stops_and_writes_nothing_more(tmp_path: Path) -> None:
    """Its message names the new driver, which finishes; no trial is duplicated."""
    spec = make_spec(12, seconds=1.0)
    expected = uninterrupted(spec, tmp_path / "plain")
    folder = tmp_path / "race"
    folder.mkdir()
    campaign = Campaign(
        StorageUrl.parse(f"sqlite:///{folder}/s.db"), folder, spec, random.Random(0)
    )
    first = campaign.launch()
    campaign.wait_for(2)
    campaign.stop_between_writes(first)  # so that it cannot finish before the other has started
    second = campaign.launch("--take-over")
    while load_study(campaign.address).user_attrs[ATTRIBUTE]["pid"] != second.pid:
        assert second.poll() is None, campaign.stderr()
        time.sleep(0.05)
    first.send_signal(signal.SIGCONT)

    assert first.wait(240) == 1, campaign.stderr()
    assert second.wait(240) == 0, campaign.stderr()
    assert f"must be driven by this process, got 'process {second.pid} on " in campaign.stderr()
    assert "Traceback" not in campaign.stderr()
    assert campaign.results() == expected
