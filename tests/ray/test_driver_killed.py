"""The driver of a sweep on Ray is killed: its actors end, and the next driver loses no trial."""

from __future__ import annotations

import os
import random
import signal
import time
from collections import Counter
from pathlib import Path

import psutil
import pytest
from faults.campaign import Campaign, check_results, make_spec, run_campaign, uninterrupted
from ray_clusters import ACTORS, TESTS

from sweep.storage.url import StorageUrl
from sweep.workers.ray.config import RayConfig

pytest.importorskip("ray", reason="Ray is not installed (lorasweep[ray])")
pytestmark = [
    pytest.mark.ray,
    pytest.mark.filterwarnings("ignore"),  # Ray's own
    pytest.mark.timeout(900),
]


def on_ray(
    folder: Path, cluster: RayConfig, trials: int, seconds: float, lanes: int = 1
) -> tuple[Campaign, Counter[tuple[object, ...]]]:
    """A campaign on a cluster, and the results of the same study undisturbed on this machine."""
    spec = make_spec(trials, seconds)
    expected = uninterrupted(spec, folder / "plain")
    home = folder / "hit"
    home.mkdir()
    where = ("--launcher", "ray", "--ray-address", cluster.address)
    campaign = Campaign(
        StorageUrl.parse(f"sqlite:///{folder}/s.db"),
        home,
        spec,
        random.Random(7),
        environment={"PYTHONPATH": os.pathsep.join([str(TESTS.parent), str(TESTS)])},
        arguments=(*where, "--workers", "2", "--pack", str(lanes)),
    )
    return campaign, expected


def actors() -> list[psutil.Process]:
    """The running actors of this test's clusters."""
    found = []
    for process in psutil.Process().children(recursive=True):
        try:
            if ACTORS in " ".join(process.cmdline()):
                found.append(process)
        except psutil.NoSuchProcess:
            continue
    return found


def seconds_until_gone(computing: list[psutil.Process]) -> float:
    """Seconds until the actors of a killed driver have ended."""
    began = time.monotonic()
    _, alive = psutil.wait_procs(computing, timeout=60)
    assert not alive, "actors of a killed driver compute on"
    return time.monotonic() - began


@pytest.mark.slow
def test_actors_end_with_a_killed_driver_and_no_trial_is_lost(
    cluster: RayConfig, tmp_path: Path
) -> None:
    """SIGKILL during the sweep; the same command resumes it."""
    campaign, expected = on_ray(tmp_path, cluster, 12, seconds=0.8)
    process = campaign.launch()
    campaign.wait_for(3)
    computing = actors()
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    lived_on = seconds_until_gone(computing)
    campaign.hits["SIGKILL"] += 1
    campaign.run_to_the_end()
    counts = check_results(campaign, expected)
    print(counts, f"actors lived on for {lived_on:.1f} s")

    assert len(computing) == 2
    assert counts["COMPLETE"] == 12
    assert counts["interrupted"] in (1, 2)


@pytest.mark.slow
@pytest.mark.parametrize("lanes", [1, 2])
def test_a_driver_hit_repeatedly_loses_and_duplicates_nothing(
    cluster: RayConfig, tmp_path: Path, lanes: int
) -> None:
    """At random moments, also while the last driver's actors still run."""
    campaign, expected = on_ray(tmp_path, cluster, 30, seconds=1.2, lanes=lanes)
    run_campaign(campaign, hits=8, longest=10.0)
    lived_on = seconds_until_gone(actors())
    counts = check_results(campaign, expected, at_once=2 * lanes)
    print(counts, f"actors lived on for {lived_on:.1f} s")

    assert counts["COMPLETE"] == 30
    assert sum(campaign.hits.values()) >= 3
