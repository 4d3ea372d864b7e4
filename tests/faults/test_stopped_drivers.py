"""A driver stopped at a write, taken over by another, and continued writes nothing more."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from faults import stopped
from faults.postgres import Postgres

TESTS = Path(__file__).parents[1]


def moments(url: str, side: str, step: int) -> list[dict[str, Any]]:
    """The outcome of a driver stopped at each of its writes."""
    done = subprocess.run(
        [sys.executable, stopped.__file__, url, side, str(step)],
        env={**os.environ, "PYTHONPATH": f"{TESTS.parent}{os.pathsep}{TESTS}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def check(rows: list[dict[str, Any]]) -> None:
    """Nothing was written after the takeover, and the driver reports why it stopped."""
    print(len(rows), "moments")
    for row in rows:
        assert row["after"] == row["before"], row["what"]
        attributes, trials = row["after"]
        assert attributes["finished"] is True
        assert {trial[1] for trial in trials} <= {"COMPLETE", "FAIL"}, row["what"]
        assert row["ended"] in (stopped.ENDED, stopped.HELD), row["said"]
        if row["ended"] == stopped.HELD:
            assert "must be driven by this process" in row["said"]


@pytest.mark.parametrize(("kind", "step"), [("sqlite", 7), ("journal", 2)])
def test_a_driver_stopped_before_a_write_writes_nothing(
    kind: str, step: int, tmp_path: Path
) -> None:
    """For each kind of write."""
    rows = moments(f"{kind}:///{tmp_path}/template", "before", step)

    check(rows)
    assert len(rows) >= 3
    assert stopped.HELD in {row["ended"] for row in rows}


@pytest.mark.slow
@pytest.mark.parametrize("side", ["before", "after"])
@pytest.mark.parametrize("kind", ["sqlite", "journal"])
def test_a_driver_stopped_at_any_write(kind: str, side: str, tmp_path: Path) -> None:
    """Before its check, or between check and write, while the other driver waits for it."""
    rows = moments(f"{kind}:///{tmp_path}/template", side, 1)

    check(rows)
    assert len(rows) >= 15


@pytest.mark.slow
@pytest.mark.parametrize("side", ["before", "after", "within"])
def test_a_driver_stopped_at_any_write_to_a_server(side: str, postgres: Postgres) -> None:
    """On PostgreSQL the owner's row is locked until the transaction ends or the server ends it."""
    rows = moments(postgres.new_database(), side, 1)

    check(rows)
    assert len(rows) >= 15
