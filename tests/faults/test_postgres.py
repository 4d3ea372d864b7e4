"""The campaign with a study on PostgreSQL, whose server is killed and restarted too."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from faults.campaign import Campaign, check_results, make_spec, run_campaign, uninterrupted
from faults.postgres import PASSWORD, Postgres

from sweep.storage.studies import find_study
from sweep.storage.url import StorageUrl


@contextmanager
def restarts(
    server: Postgres,
    times: int,
    rng: random.Random,
    pause: float,
    begun: Callable[[], bool] = lambda: True,
) -> Iterator[list[str]]:
    """Kill or stop the server and restart it this many times, once a trial has started."""
    ending = threading.Event()
    done: list[str] = []

    def work() -> None:
        while not begun() and not ending.wait(0.1):
            pass
        for _ in range(times):
            if ending.wait(rng.uniform(pause / 2, pause)):
                return
            how = rng.choice(["kill", "fast", "immediate"])
            if how == "kill":
                server.kill()
            else:
                server.stop("fast" if how == "fast" else "immediate")
            time.sleep(rng.uniform(0.1, 1.5))
            server.start()
            done.append(how)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield done
    finally:
        ending.set()
        thread.join()
        server.start()


def one(server: Postgres, folder: Path, trials: int, seed: int) -> Campaign:
    """A campaign on a new database, not yet started."""
    folder.mkdir(exist_ok=True)
    return Campaign(
        StorageUrl.parse(server.new_database()), folder, make_spec(trials), random.Random(seed)
    )


@pytest.mark.slow
def test_a_sweep_survives_restarts_of_its_server(postgres: Postgres, tmp_path: Path) -> None:
    """It waits and continues to the same results, without a resume."""
    campaign = one(postgres, tmp_path / "hit", trials=24, seed=3)
    expected = uninterrupted(campaign.spec, tmp_path / "plain")

    def begun() -> bool:  # a driver that starts while its server is down fails at once
        study = find_study(campaign.address, campaign.spec.name)
        return study is not None and bool(study.get_trials(deepcopy=False))

    with restarts(postgres, 3, campaign.rng, pause=3.0, begun=begun) as done:
        campaign.run_to_the_end()
    trials = campaign.trials()

    print(dict(Counter(done)), "trials", len(trials))
    assert done
    assert "waiting for the database" in campaign.stderr()
    assert campaign.results() == expected
    assert {trial.state.name for trial in trials} <= {"COMPLETE", "FAIL"}
    assert campaign.launches == 1
    assert not campaign.steps_made_again()


@pytest.mark.slow
def test_hits_on_a_sweep_in_postgres_lose_nothing(postgres: Postgres, tmp_path: Path) -> None:
    """Kills and signals, as with SQLite; no output contains the password."""
    campaign = one(postgres, tmp_path / "hit", trials=12, seed=4)
    expected = uninterrupted(campaign.spec, tmp_path / "plain")
    run_campaign(campaign, 4)

    print(check_results(campaign, expected))
    assert PASSWORD not in campaign.stderr()
    assert "p%40ss" not in campaign.stderr()


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # a lost cursor
def test_many_hits_on_sweep_and_server(postgres: Postgres, tmp_path: Path) -> None:
    """Forty hits on the sweep while its server is restarted repeatedly."""
    campaign = one(postgres, tmp_path / "hit", trials=105, seed=5)
    expected = uninterrupted(campaign.spec, tmp_path / "plain")
    with restarts(postgres, 1000, random.Random(6), pause=12.0) as done:
        run_campaign(campaign, 40, server_restarts=True)

    print(check_results(campaign, expected), "server", dict(Counter(done)))
    assert len(done) >= 5
