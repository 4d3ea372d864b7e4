"""A read-only standby server: reading works, and a sweep is refused with a clear message."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from command import lorasweep
from faults.campaign import TESTS, Campaign, make_spec, uninterrupted
from faults.postgres import Postgres, session

from sweep.cli import main
from sweep.storage.url import StorageUrl

READS = (
    ("status",),
    ("status", "--failed"),
    ("importance", "--quick"),
    ("report", "--quick", "--out", "page"),
    ("export", "--out", "trials.csv"),
)
WRITES = (
    ("resume", "--trials", "12", "--trust-study"),
    ("resume", "--trials", "12", "--trust-study", "--take-over"),
    ("extend", "--add-choice", "rank=8", "--trust-study"),
)


@pytest.fixture
def standby(postgres: Postgres) -> Iterator[Postgres]:
    """A second server that replicates the first."""
    with Postgres(postgres) as server:
        yield server


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_a_standby_is_readable_and_refuses_every_driver(
    postgres: Postgres,
    standby: Postgres,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """With one message; once it is promoted, the same sweep resumes there and nothing is lost."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", f"{TESTS.parent}{os.pathsep}{TESTS}")
    written = StorageUrl.parse(postgres.new_database())
    empty = postgres.new_database()
    campaign = Campaign(written, tmp_path, make_spec(12, seconds=0.0), random.Random(0))
    assert campaign.launch("--trials", "8").wait(240) == 0, campaign.stderr()
    campaign.look()
    standby.catch_up()
    there = standby.beside(written.url)

    for command in READS:
        assert main([*command, "--storage", there]) == 0, (command, capsys.readouterr().err)
    assert main(["copy", there, f"sqlite:///{tmp_path}/copied.db"]) == 0, capsys.readouterr().err
    writes = [[*command, "--storage", there] for command in WRITES]
    writes.append(["copy", f"sqlite:///{tmp_path}/copied.db", standby.beside(empty)])
    refusals = []
    for arguments in writes:
        done = lorasweep(tmp_path, *arguments)
        assert done.returncode == 1, (arguments, done.stderr)
        refusals.append(done.stderr)
    campaign.address = StorageUrl.parse(there)
    assert campaign.launch().wait(240) == 1
    refusals.append(campaign.stderr())

    for error in refusals:
        assert "must be a server that can be written" in error.splitlines()[-1], error
        assert "It is a standby, or set to be read only: name the primary server" in error, error
        assert "Traceback" not in error
    campaign.look()
    assert len(campaign.done) == 8

    with closing(session(standby.url)) as own:
        assert own.execute("select pg_promote()").fetchone() == (True,)
    campaign.run_to_the_end()
    assert campaign.results() == uninterrupted(campaign.spec, tmp_path / "plain")
