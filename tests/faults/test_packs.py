"""Workers and drivers that are killed while they run several trials."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import time
from collections import Counter
from pathlib import Path

import psutil
import pytest
from faults.campaign import Campaign, check_results, make_spec, run_campaign, uninterrupted
from faults.dying import POINTS
from optuna.trial import TrialState

from sweep.errors import StorageError
from sweep.storage.url import StorageUrl

LANES = 4
USUAL = ("after it is told", "before the next is sent")
Expected = Counter[tuple[object, ...]]


def packed(
    folder: Path, trials: int, seconds: float, workers: int = 1, lanes: int = LANES
) -> tuple[Campaign, Expected]:
    """A campaign whose workers run several trials together, and its expected results."""
    spec = make_spec(trials, seconds)
    expected = uninterrupted(spec, folder / "plain")
    home = folder / "hit"
    home.mkdir()
    address = StorageUrl.parse(f"sqlite:///{folder}/s.db")
    options = ("--workers", str(workers), "--pack", str(lanes))
    return Campaign(address, home, spec, random.Random(5), arguments=options), expected


def worker_of(pid: int) -> psutil.Process:
    """The only worker of a driver."""
    [worker] = [p for p in psutil.Process(pid).children() if "spawn_main" in " ".join(p.cmdline())]
    return worker


def wait_until_all_are_in_a_step(campaign: Campaign, n: int) -> None:
    """Wait until this many trials run, and each has reported."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with contextlib.suppress(StorageError):  # no database yet
            running = [t for t in campaign.trials() if t.state == TrialState.RUNNING]
            if len(running) == n and all(t.intermediate_values for t in running):
                return
        time.sleep(0.02)
    raise AssertionError(f"no full pack: {campaign.stderr()}")


def kinds(campaign: Campaign) -> list[str]:
    """The exception types of interrupted trials."""
    failed = (trial for trial in campaign.trials() if trial.state == TrialState.FAIL)
    return [trial.user_attrs["failure"]["kind"] for trial in failed]


def test_a_killed_worker_costs_none_of_its_four_trials(tmp_path: Path) -> None:
    """Completed trials stay, the four run again, and the budget is reached."""
    campaign, expected = packed(tmp_path, 12, seconds=1.2)
    process = campaign.launch()
    campaign.wait_for(2)
    wait_until_all_are_in_a_step(campaign, LANES)
    os.kill(worker_of(process.pid).pid, signal.SIGKILL)
    assert process.wait(120) == 0, campaign.stderr()
    campaign.look()
    campaign.hits["worker"] += 1
    counts = check_results(campaign, expected, at_once=LANES)

    assert (counts["COMPLETE"], counts["FAIL"]) == (12, LANES)
    assert kinds(campaign) == ["PackDied"] * LANES
    assert "a worker with 4 trials was killed" in campaign.stderr()
    assert "from now on at most 2 together" in campaign.stderr()
    retried = [t.user_attrs["retry_of"] for t in campaign.trials() if "retry_of" in t.user_attrs]
    assert len(set(retried)) == len(retried) == LANES


@pytest.mark.slow
def test_ctrl_c_checkpoints_a_whole_pack_and_a_resume_completes_it(tmp_path: Path) -> None:
    """All four trials write a checkpoint; no step is computed twice."""
    campaign, expected = packed(tmp_path, 12, seconds=1.2)
    process = campaign.launch()
    wait_until_all_are_in_a_step(campaign, LANES)
    os.killpg(process.pid, signal.SIGINT)

    assert process.wait(60) == 130, campaign.stderr()
    assert f"ending: {LANES} trial(s) finish their step" in campaign.stderr()
    assert kinds(campaign) == ["Interrupted"] * LANES
    left = [t.user_attrs["failure"]["message"] for t in campaign.trials()[:LANES]]
    assert all(message.startswith("left before step") for message in left)
    assert Counter(t.state.name for t in campaign.trials()) == {"FAIL": LANES, "WAITING": LANES}
    campaign.run_to_the_end()
    assert check_results(campaign, expected)["steps computed again"] == 0


@pytest.mark.parametrize(
    "point",
    [pytest.param(point, marks=[] if point in USUAL else pytest.mark.slow) for point in POINTS],
)
def test_a_driver_killed_between_two_trials_of_a_lane_loses_neither(
    tmp_path: Path, point: str
) -> None:
    """At each point in between; the worker ends too, and the next driver recovers both trials."""
    campaign, expected = packed(tmp_path, 12, seconds=0.4)
    # Four trials start the first pack, none of which is a successor.
    times = 8 if point == "while the next is begun" else 5
    campaign.prelude = f"from faults import dying; dying.arm({point!r}, {times})"
    assert campaign.launch().wait(60) == -signal.SIGKILL, campaign.stderr()
    campaign.look()
    finished = len(campaign.done)
    campaign.hits["SIGKILL"] += 1
    campaign.prelude = ""
    campaign.run_to_the_end()
    counts = check_results(campaign, expected, at_once=LANES)

    assert finished == (4 if point in ("before it is told", "while the next is begun") else 5)
    assert counts["COMPLETE"] == 12
    assert set(kinds(campaign)) == {"DriverDied"}
    assert LANES - 1 <= len(kinds(campaign)) <= LANES


@pytest.mark.slow
def test_random_hits_lose_and_duplicate_no_trial_of_a_pack(tmp_path: Path) -> None:
    """Two workers with three trials each."""
    campaign, expected = packed(tmp_path, 30, seconds=1.5, workers=2, lanes=3)
    run_campaign(campaign, hits=6)
    counts = check_results(campaign, expected, at_once=6)

    print(counts)
    assert counts["COMPLETE"] == 30
    assert sum(counts["hits"].values()) >= 3
