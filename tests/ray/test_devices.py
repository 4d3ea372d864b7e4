"""Nodes with different devices: each advises its own pack size."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import optuna
import pytest
from ray_clusters import nodes

from sweep import Budget, Choice, Sampler, Space, StudySpec, TargetSets
from sweep.driver.listener import NullListener
from sweep.driver.run_study import Options, run_study
from sweep.errors import SweepError
from sweep.storage.studies import quiet_optuna
from sweep.storage.url import StorageUrl
from sweep.study.spec import Policy
from sweep.workers.ray.config import RayConfig

pytest.importorskip("ray", reason="Ray is not installed (lorasweep[ray])")
pytestmark = [
    pytest.mark.ray,
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore"),  # Ray's own
    pytest.mark.timeout(280),
]

SPEC = StudySpec(
    name="devices",
    objective="sized:Sized",
    space=Space(
        {
            "rank": Choice(1, 2, 4, 8, 16),
            "alpha": Choice(2, 8),
            "targets": TargetSets("qkv", "mlp", "query"),
        }
    ),
    settings={"function": "surface", "noise": 0.01, "steps": 3, "sleep_seconds": 0.9},
    sampler=Sampler("grid"),
    budget=Budget(trials=30),
    policy=Policy(max_retries=20),
)


def run(folder: Path, **how: Any) -> optuna.Study:
    """Run a sweep to its end."""
    with quiet_optuna():
        return run_study(
            SPEC, StorageUrl.parse(f"sqlite:///{folder}/s.db"), NullListener(), Options(**how)
        )


@pytest.fixture
def unlike(request: pytest.FixtureRequest) -> Iterator[RayConfig]:
    """A head node without workers, and nodes of one CPU with the given environments."""
    with nodes(0, *({"num_cpus": 1, "env_vars": each} for each in request.param)) as address:
        yield RayConfig(address)


def together(study: optuna.Study) -> dict[str, int]:
    """The largest number of trials that ran together, by node."""
    found: dict[str, int] = defaultdict(int)
    for trial in study.trials:
        details = trial.user_attrs.get("details") or {}
        if details:
            found[details["node"]] = max(found[details["node"]], details["together"])
    return found


TWO = ({"SIZED_NAME": "a", "SIZED_LANES": "1"}, {"SIZED_NAME": "b", "SIZED_LANES": "4"})
TIGHT = (
    {"SIZED_NAME": "a", "SIZED_LANES": "3"},
    {"SIZED_NAME": "b", "SIZED_LANES": "4", "SIZED_MOST": "2"},
)
FALSE = ({"SIZED_NAME": "a"}, {"SIZED_NAME": "b", "SIZED_DATA": "other"})


@pytest.mark.parametrize("unlike", [TWO], indirect=True)
def test_each_node_runs_packs_of_the_size_it_advises(unlike: RayConfig, tmp_path: Path) -> None:
    """Whichever is asked first; unless --pack is given."""
    study = run(tmp_path, cluster=unlike, workers=2)

    assert together(study) == {"a": 1, "b": 4}
    assert {trial.state.name for trial in study.trials} == {"COMPLETE"}
    (tmp_path / "told").mkdir()
    assert together(run(tmp_path / "told", cluster=unlike, workers=2, pack=2)) == {"a": 2, "b": 2}


@pytest.mark.parametrize("unlike", [TIGHT], indirect=True)
def test_a_pack_that_was_too_large_is_halved_on_its_own_node(
    unlike: RayConfig, tmp_path: Path
) -> None:
    """The other node keeps its pack size, and all trials complete."""
    study = run(tmp_path, cluster=unlike, workers=2)
    states = [trial.state.name for trial in study.trials]

    assert together(study) == {"a": 3, "b": 2}
    assert states.count("COMPLETE") == 30
    assert states.count("FAIL") == 4


@pytest.mark.parametrize("unlike", [FALSE], indirect=True)
def test_a_node_with_other_data_is_refused(unlike: RayConfig, tmp_path: Path) -> None:
    """With the same names and sizes but other content; the fingerprints differ."""
    with pytest.raises(SweepError, match="the inputs must hold for every worker what they held"):
        run(tmp_path, cluster=unlike, workers=2)


def test_fractions_share_a_gpu(tmp_path: Path) -> None:
    """Two workers of half a GPU fit a node with one, although its CPUs would allow four."""
    from sweep.workers.ray.pool import RayLauncher

    gpu = {"num_cpus": 4, "num_gpus": 1, "env_vars": {"SIZED_NAME": "g", "SIZED_LANES": "2"}}
    with nodes(0, gpu) as address:
        halves = RayConfig(address, resources={"gpu": 0.5, "cpu": 1.0})
        launcher = RayLauncher(SPEC, halves)
        room = launcher.capacity(advised=99)
        launcher.close()
        study = run(tmp_path, cluster=halves, workers=2)

    assert room == 2
    assert together(study) == {"g": 2}
    assert {trial.state.name for trial in study.trials} == {"COMPLETE"}
