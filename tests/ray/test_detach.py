"""``run --detach``: the sweep is a job of the cluster, and its storage shows the progress."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from command import lorasweep
from ray_clusters import nodes

from sweep.cli.detach import run_arguments
from sweep.cli.main import parse

pytest.importorskip("ray", reason="Ray is not installed (lorasweep[ray])")
pytestmark = [
    pytest.mark.ray,
    pytest.mark.filterwarnings("ignore"),  # Ray's own
    pytest.mark.timeout(400),
]

STUDY = """
from sweep import Budget, Choice, Sampler, Space, StudySpec, TargetSets

STUDY = StudySpec(
    name="away",
    objective="objectives.synthetic:Synthetic",
    space=Space({"rank": Choice(1, 2, 4), "alpha": Choice(2, 8), "targets": TargetSets("qkv")}),
    settings={"function": "surface", "sleep_seconds": SECONDS},
    sampler=Sampler("grid"),
    budget=Budget(trials=6),
)
"""
WHERE = ("--launcher", "ray", "--detach", "--json")


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """The dashboard of a cluster of one node, whose jobs use this environment's programs."""
    pytest.importorskip("aiohttp_cors", reason="Ray's job server is not installed (ray[default])")
    # An agent's port is fixed by default, and another test's cluster may use it.
    with socket.socket() as free, socket.socket() as other:
        free.bind(("127.0.0.1", 0))
        other.bind(("127.0.0.1", 0))
        port, agent = free.getsockname()[1], other.getsockname()[1]
    path = os.environ["PATH"]
    os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), path])
    try:
        ports = {"dashboard_port": port, "dashboard_agent_listen_port": agent}
        with nodes(2, include_dashboard=True, **ports):
            yield f"http://127.0.0.1:{port}"
    finally:
        os.environ["PATH"] = path


def status(folder: Path, storage: str) -> dict[str, int]:
    """The number of trials by state; empty before there is a study."""
    output = lorasweep(folder, "status", "--storage", storage, "--name", "away", "--json")
    return {} if output.returncode else json.loads(output.stdout)["counts"]


def wait_for(folder: Path, storage: str, complete: int) -> dict[str, int]:
    """Wait until this many trials are COMPLETE."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        counts = status(folder, storage)
        if counts.get("COMPLETE", 0) >= complete:
            return counts
        time.sleep(1)
    raise AssertionError(f"no progress: {status(folder, storage)}")


@pytest.mark.slow
def test_a_job_outlives_its_command_and_can_be_stopped(server: str, tmp_path: Path) -> None:
    """The study file is uploaded with the job; after a stop, a new job resumes the study."""
    (tmp_path / "here" / "deep").mkdir(parents=True)
    (tmp_path / "here" / "deep" / "study.py").write_text(STUDY.replace("SECONDS", "3"))
    storage = f"sqlite:///{tmp_path}/away.db"
    command = ("run", "deep/study.py", *WHERE, "--storage", storage, "--workers", "1")
    first = lorasweep(tmp_path / "here", *command, "--ray-address", server)
    assert first.returncode == 0, first.stderr
    job = json.loads(first.stdout)
    assert status(tmp_path, storage).get("COMPLETE", 0) == 0
    wait_for(tmp_path, storage, 1)
    stopped = subprocess.run(job["stop"].split(), capture_output=True, text=True, check=False)
    log = subprocess.run(job["log"].split(), capture_output=True, text=True, check=False)
    assert stopped.returncode == 0, stopped.stderr
    assert "lorasweep: to go on: lorasweep resume" in log.stdout + log.stderr
    (tmp_path / "here" / "deep" / "study.py").write_text(STUDY.replace("SECONDS", "3"))
    again = lorasweep(tmp_path / "here", *command, "--ray-address", server)
    assert again.returncode == 0, again.stderr
    counts = wait_for(tmp_path, storage, 6)

    assert counts["COMPLETE"] == 6
    assert counts["RUNNING"] == 0
    assert job["status"] == f"lorasweep status --storage {storage} --name away"


@pytest.mark.slow
def test_a_module_of_the_current_folder_is_uploaded(server: str, tmp_path: Path) -> None:
    """With the files of its package that it imports."""
    package = tmp_path / "here" / "mine"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "parts.py").write_text(STUDY.replace("SECONDS", "0"))
    (package / "study.py").write_text("from mine.parts import STUDY\n\n__all__ = ['STUDY']\n")
    storage = f"sqlite:///{tmp_path}/away.db"
    command = ("run", "mine.study", *WHERE[:3], "--storage", storage, "--ray-address", server)
    done = lorasweep(tmp_path / "here", *command)
    assert done.returncode == 0, done.stderr
    lines = dict(line.split(maxsplit=1) for line in done.stdout.splitlines())
    assert list(lines) == ["job", "status", "watch", "log", "stop"]
    assert lines["watch"] == f"lorasweep watch --storage {storage} --name away"
    assert lines["stop"] == f"ray job stop {lines['job']} --address {server}"

    assert wait_for(tmp_path, storage, 6)["COMPLETE"] == 6


def test_a_cluster_that_was_just_started_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its server answers before a node can take a job; other errors are raised at once."""
    from sweep.workers.ray import jobs

    monkeypatch.setattr(jobs.time, "sleep", lambda _: None)
    answers = [RuntimeError(f"status code 500: {jobs.NOT_YET} to submit job")] * 3

    def submit_job() -> str:
        if answers:
            raise answers.pop()
        return "job-1"

    assert jobs._patiently(submit_job) == "job-1"
    monkeypatch.setattr(jobs, "AGENT_SECONDS", -1.0)
    for output in (f"500: {jobs.NOT_YET}", "404"):
        answers.append(RuntimeError(output))
        with pytest.raises(RuntimeError, match=output):
            jobs._patiently(submit_job)


def test_an_invalid_job_is_refused_at_once(tmp_path: Path) -> None:
    """A path that only this machine has, a password, and a missing cluster, in one message."""
    (tmp_path / "study.py").write_text(STUDY.replace("SECONDS", "0"))
    command = ("run", "study.py", "--detach", "--storage")
    for storage, rule in (
        ("sqlite:///away.db", "--storage must be one that the cluster's head node reaches"),
        ("postgresql://me:secret@host/db", "--storage must hold no password with --detach"),
    ):
        refused = lorasweep(tmp_path, *command, storage)
        assert refused.returncode == 2
        assert "--detach must go with --launcher ray, got 'local'" in refused.stderr
        assert rule in refused.stderr
        assert "secret" not in refused.stderr
    absolute = f"sqlite:///{tmp_path}/away.db"
    for address in ("127.0.0.1:1", "http://127.0.0.1:1", "nonsense"):
        asked = ("--launcher", "ray", "--ray-address", address)
        refused = lorasweep(tmp_path, *command, absolute, *asked)
        assert refused.returncode == 1
        rule = "lorasweep: --ray-address must be the address of a Ray cluster that takes jobs"
        assert refused.stderr.startswith(rule)
        assert refused.stderr.count("\n") == 1


def test_the_job_has_the_command_s_options(tmp_path: Path) -> None:
    """Every option is kept; paths become absolute, and the address is the cluster's own."""
    (tmp_path / "chains").mkdir()
    typed = [
        *("run", "study.py", "--launcher", "ray", "--ray-address", "http://h:8265", "--detach"),
        *("--data", f"{tmp_path}/./chains", "--base", "facebook/esm2_t6_8M_UR50D", "--trials", "7"),
        *("--set", "epochs=2", "--set", 'note=-x "y"', "--workers", "3", "--pack", "auto"),
        *("--resources", "gpu=0.5,cpu=2", "--on-failure", "retry(2)", "--max-retries", "0"),
        *("--seconds", "2.5", "--final-test", "--keep", "all", "--files", f"{tmp_path}/../f"),
        *("--track", "wandb", "--track", "mlflow", "--take-over", "--name=-odd name"),
        *("--storage", "sqlite:////shared/s.db", "--skip-bad"),
    ]
    wanted = vars(parse(typed))
    wanted.update(ray_address="auto", detach=False, data=f"{tmp_path}/chains")
    wanted.update(files=f"{tmp_path.parent}/f")
    again = run_arguments(parse(typed), "study.py")
    wanted.update(command=["lorasweep", *again])
    got = vars(parse(again))

    assert got == wanted
