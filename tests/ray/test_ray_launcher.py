"""A sweep on a real Ray cluster has the trials of a local one, whichever process dies."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import time
from dataclasses import replace
from pathlib import Path
from threading import Thread, Timer
from typing import Any

import optuna
import pytest
from command import PROGRAM
from ray_clusters import ACTORS, cannot_hide, node_without

from sweep import Budget, Choice, Float, Sampler, Space, StudySpec, TargetSets
from sweep.driver.listener import NullListener
from sweep.driver.run_study import Options, run_study
from sweep.errors import SweepError
from sweep.signals import Interrupts
from sweep.storage.studies import quiet_optuna
from sweep.storage.url import StorageUrl
from sweep.study.spec import Policy, Pruner
from sweep.study.trial import INTERRUPTED
from sweep.workers.ray.config import RayConfig

ray = pytest.importorskip("ray", reason="Ray is not installed (lorasweep[ray])")
pytestmark = [
    pytest.mark.ray,
    pytest.mark.filterwarnings("ignore"),  # Ray's own
    pytest.mark.timeout(150),
]

SPEC = StudySpec(
    name="spread",
    objective="objectives.synthetic:Synthetic",
    space=Space(
        {
            "rank": Choice(1, 2, 4, 8, 16),
            "alpha": Choice(2, 8),
            "targets": TargetSets("qkv", "mlp", wide="all-linear"),
            "learning_rate": Float(1e-4, 1e-2, log=True),
        }
    ),
    settings={"function": "surface", "noise": 0.01, "steps": 3},
    sampler=Sampler("random", seed=3),
    budget=Budget(trials=40),
    policy=Policy(max_retries=5),
)


def run(folder: Path, spec: StudySpec, **how: Any) -> optuna.Study:
    """Run a sweep to its end."""
    address = StorageUrl.parse(f"sqlite:///{folder}/s.db")
    with quiet_optuna():
        return run_study(spec, address, NullListener(), Options(**how))


def results(study: optuna.Study) -> list[Any]:
    """Every complete trial as (configuration, seed, value), unordered."""
    return sorted(
        (sorted(map(str, t.params.items())), t.user_attrs["seed"], t.value)
        for t in study.trials
        if t.state == optuna.trial.TrialState.COMPLETE
    )


def test_a_sweep_of_forty_trials_equals_the_local_one(cluster: RayConfig, tmp_path: Path) -> None:
    """Trial by trial, on four actors of two nodes, with two trials together in each."""
    (tmp_path / "here").mkdir()
    (tmp_path / "there").mkdir()
    here = run(tmp_path / "here", SPEC, workers=2)
    there = run(tmp_path / "there", SPEC, cluster=cluster, workers=4, pack=2)

    assert len(results(there)) == 40
    assert results(there) == results(here)
    assert not ray.is_initialized()


def test_actors_find_an_objective_beside_its_study_file(
    cluster: RayConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a folder that is only on the driver's Python path."""
    (tmp_path / "beside_its_study.py").write_text(
        "from objectives.synthetic import Synthetic\n\n\nclass Own(Synthetic):\n    pass\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    own = replace(SPEC, objective="beside_its_study:Own", budget=Budget(trials=2))

    assert len(results(run(tmp_path, own, cluster=cluster, workers=2))) == 2


def test_there_are_as_many_workers_as_fit_the_nodes(cluster: RayConfig) -> None:
    """Whole workers per node: two nodes of two CPUs fit two of two CPUs, and none of three."""
    from sweep.workers.ray.pool import RayLauncher

    for cpus, wanted in ((1.0, 4), (2.0, 2), (0.5, 8), (3.0, 1), (0.0, 2)):
        launcher = RayLauncher(SPEC, replace(cluster, resources={"cpu": cpus}))
        assert launcher.capacity(advised=99) == wanted
        launcher.close()


def test_settings_are_pinned_in_present_and_future_actors(
    cluster: RayConfig,
) -> None:
    """Whatever their nodes would choose."""
    from sweep.workers.ray.pool import RayLauncher

    launcher = RayLauncher(SPEC, cluster, workers=2)
    with contextlib.closing(launcher), Interrupts() as interrupts:
        launcher.call("facts", interrupts=interrupts)
        launcher.pin({"noise": 0.25}, interrupts=interrupts)
        for busy in (0, 1):
            for worker in launcher._pool[:busy]:
                worker.busy = True
            assert launcher.call("facts", interrupts=interrupts).about["noise"] == 0.25
        assert len(launcher._pool) == 2


def test_pruning_works_within_a_pack(cluster: RayConfig, tmp_path: Path) -> None:
    """The median pruner stops trials, and none is lost."""
    spec = replace(SPEC, pruner=Pruner("median"), budget=Budget(trials=12))
    study = run(tmp_path, spec, cluster=cluster, workers=2, pack=2)
    # On a loaded machine Ray may declare a node dead; the interrupted trials are then run again.
    kept = [t for t in study.trials if t.user_attrs.get("failure", {}).get("reason") != INTERRUPTED]
    states = [trial.state.name for trial in kept]

    assert states.count("COMPLETE") == 12
    assert states.count("PRUNED") > 0
    assert set(states) <= {"COMPLETE", "PRUNED"}


GRID = replace(
    SPEC,
    space=Space({name: SPEC.space[name] for name in ("rank", "alpha", "targets")}),
    settings={**SPEC.settings, "sleep_seconds": 0.3},
    sampler=Sampler("grid"),  # its points do not depend on which trials ran before
    budget=Budget(trials=30),
)


@pytest.mark.slow
def test_killed_actors_lose_and_duplicate_nothing(cluster: RayConfig, tmp_path: Path) -> None:
    """Their trials fail like those of a killed process, and run again if the policy says so."""
    spec = replace(GRID, policy=Policy(on_failure="retry(3)"))
    calm, hit = _calm_and_hit(tmp_path, spec, cluster, Thread(target=_kill_actors, args=(3,)))
    failed = [trial.user_attrs["failure"]["reason"] for trial in hit.trials if _failed(trial)]

    assert results(hit) == results(calm)
    assert failed == ["worker_died"] * 3


@pytest.mark.slow
def test_a_new_node_is_used_and_a_lost_one_interrupts_its_trials(tmp_path: Path) -> None:
    """With the command; interrupted trials run again without a retry policy."""
    from ray.cluster_utils import Cluster as Nodes

    slow = replace(GRID, settings={**GRID.settings, "sleep_seconds": 0.8})
    (tmp_path / "study.py").write_text(
        f"import json\nfrom sweep import StudySpec\n"
        f"STUDY = StudySpec.from_json(json.loads({json.dumps(json.dumps(slow.to_json()))}))\n"
    )
    machines = Nodes(
        initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False}
    )
    where = ["--storage", "sqlite:///hit.db", "--launcher", "ray", "--workers", "3"]
    command = [PROGRAM, "run", "study.py", *where, "--ray-address", machines.address]
    try:
        with subprocess.Popen(command, cwd=tmp_path) as sweep:
            _when_there_are(1)  # the driver has joined the head, and stays there
            spot = machines.add_node(num_cpus=2)
            _when_there_are(3)
            time.sleep(3)
            machines.remove_node(spot, allow_graceful=False)
            assert sweep.wait(timeout=120) == 0
    finally:
        machines.shutdown()
    hit = optuna.load_study(study_name="spread", storage=f"sqlite:///{tmp_path}/hit.db")
    failed = [trial for trial in hit.trials if _failed(trial)]

    assert results(hit) == results(run(tmp_path, slow, workers=2))
    assert failed
    assert {trial.user_attrs["failure"]["reason"] for trial in failed} == {"interrupted"}


@pytest.mark.slow
def test_the_first_worker_waits_for_a_free_place(
    cluster: RayConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A node may come late: the cluster grows, or its machines are busy."""
    reason = cannot_hide()
    if reason:
        pytest.skip(f"no node of another kind can be started: {reason}")
    monkeypatch.setattr("sweep.workers.ray.pool.PATIENCE_SECONDS", 0.5)
    (tmp_path / "hidden").mkdir()
    with contextlib.ExitStack() as later:
        late = node_without(cluster.address, tmp_path / "hidden", tmp_path, "late")
        timer = Timer(4, lambda: later.enter_context(late))
        timer.start()
        there = replace(cluster, resources={"cpu": 0, "late": 1})
        study = run(tmp_path, replace(SPEC, budget=Budget(trials=3)), cluster=there, workers=1)
        timer.join()

    assert [trial.state.name for trial in study.trials] == ["COMPLETE"] * 3


def _failed(trial: optuna.trial.FrozenTrial) -> bool:
    return trial.state == optuna.trial.TrialState.FAIL


def _calm_and_hit(
    folder: Path, spec: StudySpec, cluster: RayConfig, blow: Thread, workers: int = 2
) -> tuple[optuna.Study, optuna.Study]:
    """The same sweep undisturbed on this machine, and on a cluster with faults."""
    (folder / "calm").mkdir()
    (folder / "hit").mkdir()
    calm = run(folder / "calm", spec, workers=2)
    blow.start()
    hit = run(folder / "hit", spec, cluster=cluster, workers=workers)
    blow.join()
    return calm, hit


def _kill_actors(hits: int) -> None:
    """Kill an actor's process, a few times."""
    for _ in range(hits):
        os.kill(_when_there_are(2)[0], signal.SIGKILL)  # not the one that checks the space
        time.sleep(2.5)


def _when_there_are(count: int) -> list[int]:
    """Process ids of the actors, once there are this many."""
    import psutil

    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        found = [p.pid for p in psutil.process_iter(["cmdline"]) if ACTORS in str(p.info)]
        if len(found) >= count:
            return found
        time.sleep(0.1)
    raise AssertionError(f"there never were {count} actors")


def test_an_unreachable_cluster_is_one_error(tmp_path: Path) -> None:
    """Before anything is written."""
    with pytest.raises(SweepError, match=r"^--ray-address must be the address of a running Ray"):
        run(tmp_path, SPEC, cluster=RayConfig("127.0.0.1:1"))
