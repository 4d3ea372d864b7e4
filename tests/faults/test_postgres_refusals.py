"""A server that ends connections inside a transaction, holds locks, is full or is read-only."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from faults.campaign import Campaign, make_spec, uninterrupted
from faults.disks import small_disk
from faults.postgres import Postgres, session, wait_for_locks

from sweep.storage import database
from sweep.storage.errors import LOCK_SECONDS, StorageLostError
from sweep.storage.studies import create_or_resume
from sweep.storage.url import StorageUrl
from sweep.study.objective import ObjectiveInfo

SHOT = """
create sequence shots;
create function shoot() returns trigger language plpgsql as $$
begin
  if nextval('shots') = any (array{at}) then
    perform pg_terminate_backend(pg_backend_pid());
  end if;
  return new;
end $$;
create trigger shot after insert or update on trial_values
  for each row execute function shoot();
create trigger shot after insert or update on trials
  for each row execute function shoot();
"""
"""A trigger that ends the connection at chosen writes; a sequence counts rolled-back ones too."""


@pytest.fixture
def campaign(postgres: Postgres, tmp_path: Path) -> Campaign:
    """A study of twelve trials on a new database, none of which has run."""
    address = StorageUrl.parse(postgres.new_database())
    made = Campaign(address, tmp_path, make_spec(12, seconds=0.4), random.Random(0))
    process = made.launch("--trials", "1")
    assert process.wait(240) == 0, made.stderr()
    return made


def results(campaign: Campaign, folder: Path) -> None:
    """All trials ended with the values of an undisturbed sweep."""
    assert campaign.results() == uninterrupted(campaign.spec, folder / "plain")
    assert {trial.state.name for trial in campaign.trials()} <= {"COMPLETE", "FAIL"}


def test_a_connection_ended_inside_a_transaction_is_opened_again(
    postgres: Postgres, campaign: Campaign, tmp_path: Path
) -> None:
    """The server rolls the transaction back, and the driver writes it again."""
    with closing(session(campaign.address.url)) as own:
        own.execute(SHOT.format(at=[2, 5, 6, 11, 17, 23]))
    campaign.run_to_the_end()
    with closing(session(campaign.address.url)) as own:
        (writes,) = own.execute("select last_value from shots").fetchone() or (0,)

    assert writes > 23, campaign.stderr()
    assert postgres.log.read_text().count("terminating connection due to administrator") >= 6
    assert "Traceback" not in campaign.stderr()
    results(campaign, tmp_path)


def canceled(postgres: Postgres) -> int:
    """The number of statements that the server canceled by lock timeout."""
    return postgres.log.read_text().count("canceling statement due to lock timeout")


@contextmanager
def locked(url: str, table: str) -> Iterator[None]:
    """Lock a table exclusively, as a long migration does; even reads wait."""
    with closing(session(url)) as own, own.transaction():
        own.execute(f"lock table {table} in access exclusive mode")
        yield


WAITING = "from faults.postgres import wait_for_locks; wait_for_locks({})"
"""Code that sets a driver's lock timeout in seconds."""


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("seconds", "tables"),
    [
        (1, ("trials", "study_user_attributes")),
        pytest.param(LOCK_SECONDS, ("trial_values", "trials"), marks=pytest.mark.slow),
    ],
)
def test_a_lock_longer_than_the_timeout_is_waited_for(
    postgres: Postgres,
    campaign: Campaign,
    tmp_path: Path,
    seconds: int,
    tables: tuple[str, ...],
) -> None:
    """The server cancels the statement, the driver retries, and the sweep continues."""
    campaign.prelude = WAITING.format(seconds)
    process = campaign.launch()
    campaign.wait_for(2)
    for table in tables:
        before = canceled(postgres)
        with locked(campaign.address.url, table):
            while canceled(postgres) < before + 2:  # the second try waits as long again
                assert process.poll() is None, campaign.stderr()
                time.sleep(0.05)
    assert process.wait(240) == 0, campaign.stderr()

    assert "waiting for the database" in campaign.stderr()
    assert "Traceback" not in campaign.stderr()
    results(campaign, tmp_path)


@pytest.mark.slow
def test_a_lock_at_the_start_of_a_sweep_is_one_message(campaign: Campaign, tmp_path: Path) -> None:
    """The same command succeeds once the lock is released."""
    campaign.prelude = WAITING.format(1)
    with locked(campaign.address.url, "study_user_attributes"):
        assert campaign.launch().wait(240) == 1, campaign.stderr()

    assert "must be free for writing within" in campaign.stderr().splitlines()[-1]
    assert "Close the program that holds it" in campaign.stderr()
    assert "Traceback" not in campaign.stderr()
    campaign.run_to_the_end()
    results(campaign, tmp_path)


def test_every_kind_of_write_raises_storage_lost_on_a_lock_timeout(
    postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that a driver can wait for the server at any write."""
    monkeypatch.setattr(database, "_bound_waits", database._bound_waits)  # restored below
    wait_for_locks(1)
    address = StorageUrl.parse(postgres.new_database())
    study = create_or_resume(address, make_spec(12), ObjectiveInfo())
    trial = study.ask()
    writes: list[Callable[[], object]] = [
        lambda: study.set_user_attr("final_test", {}),
        lambda: study.enqueue_trial({}),
        lambda: trial.set_user_attr("any", 1),
        lambda: trial.report(0.5, 1),
        lambda: trial.suggest_int("any", 1, 2),
        lambda: study.tell(trial, 0.5),
        study.ask,
    ]
    with locked(address.url, "studies"), locked(address.url, "trials"):
        for write in writes:
            with pytest.raises(StorageLostError, match="Close the program that holds it"):
                write()
    backend: Any = study._storage
    backend._backend.engine.dispose()


def fill(own: psycopg.Connection) -> None:
    """Write until the server refuses."""
    many = "insert into ballast select repeat(md5(a::text), 40) from generate_series(1, 200) a"
    while True:
        own.execute(many)


@pytest.fixture
def small(postgres: Postgres) -> Iterator[str]:
    """A database in a tablespace on a disk of 24 MB."""
    with small_disk(postgres.home, 24) as disk:
        postgres.own(disk)
        with closing(session(postgres.url)) as own:
            own.execute(f"create tablespace small location '{disk}'")
            own.execute("create database crowded tablespace small")
            try:
                yield postgres.named("crowded")
            finally:
                own.execute("drop database crowded with (force)")
                own.execute("drop tablespace small")


@pytest.mark.slow
def test_a_full_tablespace_is_one_message_and_loses_nothing(small: str, tmp_path: Path) -> None:
    """Immediately, instead of after minutes of retries."""
    campaign = Campaign(StorageUrl.parse(small), tmp_path, make_spec(24, 0.0), random.Random(0))
    assert campaign.launch("--trials", "3").wait(240) == 0, campaign.stderr()
    with closing(session(small)) as own:
        own.execute("create table ballast (a text)")
        with pytest.raises(psycopg.errors.DiskFull):
            fill(own)
    code = campaign.launch().wait(240)
    errors = campaign.stderr()
    campaign.look()

    assert code == 1, errors
    assert "must be on a disk with room" in errors
    assert "Traceback" not in errors
    assert len(campaign.done) >= 3

    with closing(session(small)) as own:
        own.execute("drop table ballast")
    campaign.run_to_the_end()
    results(campaign, tmp_path)


@pytest.mark.slow
def test_a_read_only_server_is_one_message(campaign: Campaign, tmp_path: Path) -> None:
    """As on a standby; reading works."""
    name = campaign.address.url.rsplit("/", 1)[1]
    with closing(session(campaign.address.url)) as own:
        own.execute(f"alter database {name} set default_transaction_read_only = on")
    code = campaign.launch().wait(240)
    errors = campaign.stderr()

    assert code == 1, errors
    assert "must be a server that can be written" in errors
    assert "standby" in errors
    assert "Traceback" not in errors
    campaign.look()
    assert len(campaign.done) == 1

    with closing(session(campaign.address.url)) as own:
        own.execute("set default_transaction_read_only = off")
        own.execute(f"alter database {name} reset default_transaction_read_only")
    campaign.run_to_the_end()
    results(campaign, tmp_path)
