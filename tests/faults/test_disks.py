"""Full, broken or read-only disks: a clear message, and no data lost."""

from __future__ import annotations

import random
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from faults.campaign import Campaign, make_spec, uninterrupted
from faults.disks import read_only, small_disk
from faults.faulty import Faults

from sweep.storage.url import StorageUrl


def campaign_in(folder: Path, faults: Faults | None = None, trials: int = 12) -> Campaign:
    """A campaign in ``folder``, with the fault library if given."""
    home = folder / "home"
    home.mkdir()
    (folder / "db").mkdir(exist_ok=True)
    address = StorageUrl.parse(f"sqlite:///{folder}/db/s.db")
    environment = {} if faults is None else faults.environment()
    return Campaign(address, home, make_spec(trials), random.Random(0), environment)


def fill(path: Path) -> None:
    """Write until the disk is full."""
    with path.open("wb", buffering=0) as ballast, suppress(OSError):
        while ballast.write(b"0" * 4096):
            pass


ROOM, WORKS = "must be on a disk with room", "must be on a disk that works"
NETWORK = "import sweep.storage.database as database; database._LOCAL = frozenset()"
"""Code that makes every disk look like a network disk, where SQLite uses a rollback journal."""


def slow(*values: str) -> Any:
    """A case for ``make test-slow`` only."""
    return pytest.param(*values, marks=pytest.mark.slow)


@pytest.mark.parametrize(
    ("file", "error", "call", "wanted_message"),
    [
        ("s.db-wal", "ENOSPC", "write", ROOM),
        ("s.db", "ENOSPC", "write", ROOM),
        slow("s.db-wal", "EIO", "write", WORKS),
        slow("s.db", "EIO", "write", WORKS),
        slow("s.db", "ENOSPC", "sync", WORKS),  # SQLite does not report why a sync failed
        slow("s.db-journal", "ENOSPC", "write", ROOM),
        slow("s.db-journal", "ENOSPC", "sync", WORKS),
    ],
)
def test_a_database_that_cannot_be_written_stops_the_sweep_and_keeps_it(
    tmp_path: Path, faults: Faults, file: str, error: str, call: str, wanted_message: str
) -> None:
    """One message, exit code 1, an intact database; without the fault the sweep resumes.

    Without a write-ahead log COMMIT writes and syncs the database itself.
    """
    campaign = campaign_in(tmp_path, faults)
    campaign.prelude = "" if file.endswith("-wal") else NETWORK
    expected = uninterrupted(campaign.spec, tmp_path / "plain")
    process = campaign.launch()
    campaign.wait_for(3)
    faults.fail(f"*/{file}", error, calls=[call])
    code = process.wait(120)
    hit = faults.count()
    faults.clear()

    assert code == 1, campaign.stderr()
    assert hit > 0
    assert wanted_message in campaign.stderr().splitlines()[-1]
    assert "Traceback" not in campaign.stderr()
    campaign.run_to_the_end()
    assert campaign.results() == expected


@pytest.mark.slow
@pytest.mark.parametrize("call", ["write", "sync"])
def test_a_failed_checkpoint_of_the_log_loses_nothing(
    tmp_path: Path, faults: Faults, call: str
) -> None:
    """A checkpoint of SQLite's write-ahead log writes committed data; the sweep continues."""
    campaign = campaign_in(tmp_path, faults)
    expected = uninterrupted(campaign.spec, tmp_path / "plain")
    process = campaign.launch()
    campaign.wait_for(3)
    faults.fail("*/s.db", "ENOSPC", calls=[call])
    code = process.wait(120)
    hit = faults.count()
    left = (tmp_path / "db" / "s.db-wal").exists()
    faults.clear()

    assert code == 0, campaign.stderr()
    assert hit > 0
    assert left
    assert "Traceback" not in campaign.stderr()
    assert campaign.results() == expected
    campaign.run_to_the_end()
    assert campaign.results() == expected
    assert not (tmp_path / "db" / "s.db-wal").exists()


@pytest.mark.slow
def test_a_full_disk_while_the_study_is_made(tmp_path: Path, faults: Faults) -> None:
    """Partly created tables are completed by the next run."""
    campaign = campaign_in(tmp_path, faults)
    expected = uninterrupted(campaign.spec, tmp_path / "plain")
    for skip in (0, 3, 9, 20):
        faults.fail("*/s.db*", "ENOSPC", skip=skip)
        assert campaign.launch().wait(120) == 1
        faults.clear()

    assert faults.count() >= 4
    assert "Traceback" not in campaign.stderr()
    campaign.run_to_the_end()
    assert campaign.results() == expected


@pytest.mark.slow
def test_a_real_full_disk(tmp_path: Path) -> None:
    """A small file system, filled up during the sweep, then with free space again."""
    with small_disk(tmp_path, 2) as disk:
        campaign = campaign_in(tmp_path)
        campaign.address = StorageUrl.parse(f"sqlite:///{disk}/s.db")
        expected = uninterrupted(campaign.spec, tmp_path / "plain")
        process = campaign.launch()
        campaign.wait_for(2)
        fill(disk / "ballast")
        assert process.wait(120) == 1, campaign.stderr()
        (disk / "ballast").unlink()

        assert "must be on a disk with room" in campaign.stderr()
        assert "Traceback" not in campaign.stderr()
        campaign.run_to_the_end()
        assert campaign.results() == expected


def test_a_read_only_folder_is_reported_and_unchanged(tmp_path: Path) -> None:
    """Running needs a writable folder; reading does not."""
    campaign = campaign_in(tmp_path, trials=6)
    campaign.run_to_the_end()
    with read_only(tmp_path / "db"):
        assert campaign.launch("--trials", "7").wait(120) == 1
        assert len(campaign.results()) == 6

    assert "must be a file that can be written" in campaign.stderr()
    assert "Traceback" not in campaign.stderr()


CHECKPOINT = """
import logging, sys, torch
from pathlib import Path
from objectives.lora.training.checkpoint import Checkpoint, Checkpoints
logging.basicConfig(stream=sys.stdout, format="%(message)s")
for folder in sys.argv[1:]:
    kept = Checkpoints(folder, {"trial": 1})
    for step in (1, 2, 3):
        weights = {"weight": torch.full((1000,), float(step))}
        print(step, kept.save(Checkpoint(weights, {"step": step})))
        print("found", kept.load().tree["step"], sorted(p.name for p in Path(folder).iterdir()))
        sys.stdout.flush()
        sys.stdin.readline()
"""


def test_a_checkpoint_that_cannot_be_written_leaves_the_last_one(
    tmp_path: Path, faults: Faults
) -> None:
    """Step 2 fails and is reported, and step 1 stays complete; step 3 is written."""
    errors = "ENOSPC", "EIO", "EROFS"
    process = subprocess.Popen(
        [sys.executable, "-c", CHECKPOINT, *(str(tmp_path / error) for error in errors)],
        env=faults.environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None

    def reported(lines: int) -> list[str]:
        return [process.stdout.readline() for _ in range(lines)]

    def go_on() -> None:
        process.stdin.write("\n")
        process.stdin.flush()

    whole = "found {} ['checkpoint.safetensors']\n"
    for error in errors:
        hits = faults.count()
        assert reported(2) == ["1 True\n", whole.format(1)]
        faults.fail(f"{tmp_path}/{error}/*", error)
        go_on()
        assert "cannot be written" in reported(1)[0], error
        assert reported(2) == ["2 False\n", whole.format(1)]
        assert faults.count() > hits, error
        faults.clear()
        go_on()
        assert reported(2) == ["3 True\n", whole.format(3)]
        go_on()
    process.communicate(timeout=60)
    assert process.returncode == 0
