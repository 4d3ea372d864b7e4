"""The recipes of docs/guides/cluster.md, as far as one machine can run them."""

from __future__ import annotations

import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import optuna
import pytest
import yaml
from ray_clusters import TESTS

from sweep.cli.main import parse
from sweep.cli.options import cluster
from sweep.storage.url import StorageUrl

PAGE = (TESTS.parent / "docs" / "guides" / "cluster.md").read_text()
ONE_NODE, MANY_NODES = re.findall(r"```bash\n(.*?)```", PAGE, re.DOTALL)
[MANIFEST] = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)

SRUN = """#!/bin/bash
# Runs the command here: once per task, as on nodes of its own.
TASKS=1
while [[ $1 == --* ]]; do [[ $1 == --ntasks=* ]] && TASKS=${1#*=}; shift; done
for _ in $(seq "$TASKS"); do "$@" & done
trap 'kill $(jobs -p) 2>/dev/null' TERM
trap 'kill -USR1 $(jobs -p) 2>/dev/null' USR1
CODE=0; wait -n || CODE=$?
while [ -n "$(jobs -pr)" ]; do wait -n || CODE=$?; done
exit "$CODE"
"""
SCONTROL = """#!/bin/bash
echo "$@" >> "$0.log"
[ "$1" != show ] || echo "$3" | tr , '\\n'
"""
STUDY = """
from sweep import Budget, Choice, Sampler, Space, StudySpec, TargetSets

STUDY = StudySpec(
    name="recipe",
    objective="objectives.synthetic:Synthetic",
    space=Space({"rank": Choice(1, 2, 4, 8), "alpha": Choice(2, 8), "targets": TargetSets("mlp")}),
    settings={"function": "surface", "sleep_seconds": SECONDS, "steps": 4},
    sampler=Sampler("grid"),
    budget=Budget(trials=8),
)
"""

RAY_JOB = {"entrypoint", "shutdownAfterJobFinishes", "ttlSecondsAfterFinished", "backoffLimit"}
"""Fields of ``RayJobSpec`` in KubeRay's ray-operator/apis/ray/v1/rayjob_types.go."""
RAY_CLUSTER = {"rayVersion", "headGroupSpec", "workerGroupSpecs"}
"""Fields of ``RayClusterSpec`` in raycluster_types.go beside it."""
WORKERS_NEED = {"groupName", "minReplicas", "maxReplicas", "rayStartParams", "template"}
"""Required fields of ``WorkerGroupSpec`` there."""


class Job:
    """A job script with replacements for Slurm's commands.

    Args:
        folder: its working directory.
        script: the script for ``sbatch``.
        seconds: duration of a trial.
    """

    def __init__(self, folder: Path, script: str, seconds: float) -> None:
        self._folder = folder
        (folder / "bin").mkdir()
        for name, text in (("srun", SRUN), ("scontrol", SCONTROL)):
            (folder / "bin" / name).write_text(text)
            (folder / "bin" / name).chmod(0o755)
        (folder / "study.py").write_text(STUDY.replace("SECONDS", str(seconds)))
        (folder / "job.sh").write_text(script)

    def start(self, **more: str) -> subprocess.Popen[str]:
        """Run the script once."""
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            number = str(free.getsockname()[1])
        programs = Path(sys.executable).parent
        slurm = {
            "SLURM_JOB_ID": number,
            "SLURM_JOB_NODELIST": "node1,node2",
            "SLURM_CPUS_PER_TASK": "1",
            "STUDY": "study.py",
            "RESOURCES": "cpu=1",
            "WORKERS": "2",
            "HOME": str(self._folder),  # Ray stores the cluster's token there
            "PATH": os.pathsep.join([str(self._folder / "bin"), str(programs), os.environ["PATH"]]),
        }
        return subprocess.Popen(
            ["bash", "job.sh"],
            cwd=self._folder,
            env={**os.environ, **slurm, **more},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def asked(self) -> list[str]:
        """The ``scontrol`` calls, without names."""
        log = self._folder / "bin" / "scontrol.log"
        lines = log.read_text().splitlines() if log.exists() else []
        return [line.split()[0] for line in lines if not line.startswith("show")]


def states(url: str) -> list[str]:
    """States of all trials; empty before there is a study."""
    path = StorageUrl.parse(url).path
    if path is None or not path.exists():
        return []
    try:
        study = optuna.load_study(study_name="recipe", storage=url)
    except KeyError:
        return []
    return [trial.state.name for trial in study.trials]


def wait_for_one(url: str) -> None:
    """Wait until a trial is COMPLETE."""
    deadline = time.monotonic() + 150
    while "COMPLETE" not in states(url):
        assert time.monotonic() < deadline, states(url)
        time.sleep(0.5)


@pytest.mark.parametrize("script", [ONE_NODE, MANY_NODES])
def test_the_scripts_are_valid_bash(script: str, tmp_path: Path) -> None:
    """All of them."""
    (tmp_path / "job.sh").write_text(script)
    done = subprocess.run(["bash", "-n", "job.sh"], cwd=tmp_path, capture_output=True, check=False)

    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.slow
@pytest.mark.ray
@pytest.mark.timeout(500)
@pytest.mark.filterwarnings("ignore")
def test_a_job_of_two_nodes_stops_at_usr1_and_resumes_when_requeued(tmp_path: Path) -> None:
    """USR1 before the time limit, a requeue, and the other trials on a new cluster."""
    pytest.importorskip("ray", reason="Ray is not installed (lorasweep[ray])")
    job, url = Job(tmp_path, MANY_NODES, seconds=4), f"sqlite:///{tmp_path}/study.db"
    first = job.start()
    wait_for_one(url)
    first.send_signal(signal.SIGUSR1)
    output, _ = first.communicate(timeout=120)

    assert first.returncode == 143, output
    assert job.asked() == ["requeue"]
    assert "COMPLETE" in states(url)
    again = job.start(SLURM_RESTART_COUNT="1")
    output, _ = again.communicate(timeout=240)

    assert again.returncode == 0, output
    assert states(url).count("COMPLETE") == 8
    assert set(states(url)) == {"COMPLETE", "FAIL"}
    assert job.asked() == ["requeue"]


@pytest.mark.slow
def test_a_job_of_one_node_does_the_same_without_ray(tmp_path: Path) -> None:
    """The signal goes to the step, which srun runs."""
    job = Job(tmp_path, ONE_NODE, seconds=4)
    url = f"sqlite:///{tmp_path}/runs/recipe/study.db"
    first = job.start()
    wait_for_one(url)
    [srun] = _children(first.pid)
    os.kill(srun, signal.SIGUSR1)
    output, _ = first.communicate(timeout=60)
    assert first.returncode == 128 + signal.SIGUSR1, output
    assert job.asked() == ["requeue"]
    again = job.start()
    output, _ = again.communicate(timeout=120)

    assert again.returncode == 0, output
    assert states(url).count("COMPLETE") == 8


def _children(pid: int) -> list[int]:
    import psutil

    return [child.pid for child in psutil.Process(pid).children() if "srun" in str(child.cmdline())]


def test_the_manifest_has_only_kuberay_s_fields() -> None:
    """At each level of KubeRay's own types; and lorasweep accepts its command."""
    tree: dict[str, Any] = yaml.safe_load(MANIFEST)
    spec, of_cluster = tree["spec"], tree["spec"]["rayClusterSpec"]
    options = parse(shlex.split(spec["entrypoint"])[1:])

    assert (tree["apiVersion"], tree["kind"]) == ("ray.io/v1", "RayJob")
    assert set(spec) == RAY_JOB | {"rayClusterSpec"}
    assert set(of_cluster) == RAY_CLUSTER
    assert set(of_cluster["headGroupSpec"]) == {"rayStartParams", "template"}
    assert all(isinstance(v, str) for v in of_cluster["headGroupSpec"]["rayStartParams"].values())
    for group in of_cluster["workerGroupSpecs"]:
        assert set(group) - {"replicas"} == WORKERS_NEED
        assert group["minReplicas"] <= group["replicas"] <= group["maxReplicas"]
        assert group["template"]["spec"]["containers"][0]["resources"]["limits"]["nvidia.com/gpu"]
    found = cluster(options)
    assert found is not None
    assert found.needs() == {"CPU": 4.0, "GPU": 1.0}
    pins = (TESTS.parent / "constraints.txt").read_text().splitlines()
    assert f"ray=={of_cluster['rayVersion']}" in pins
