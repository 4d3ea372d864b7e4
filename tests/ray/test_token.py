"""A cluster with token authentication."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sweep.workers.ray.config import GUARDED

pytest.importorskip("ray", reason="Ray is not installed (lorasweep[ray])")

PROGRAMS = Path(sys.executable).parent
STUDY = """
from sweep import Budget, Choice, Sampler, Space, StudySpec, TargetSets

STUDY = StudySpec(
    name="guarded",
    objective="objectives.synthetic:Synthetic",
    space=Space({"rank": Choice(1, 2, 4, 8), "alpha": Choice(2), "targets": TargetSets("mlp")}),
    settings={"function": "surface"},
    sampler=Sampler("grid"),
    budget=Budget(trials=3),
)
"""


@pytest.mark.slow
@pytest.mark.ray
@pytest.mark.timeout(280)
def test_a_sweep_needs_the_token_and_the_error_has_the_remedy(tmp_path: Path) -> None:
    """The token is in the user's home, where Ray stores it; a variable enables authentication."""
    (tmp_path / "study.py").write_text(STUDY)
    plain = {k: v for k, v in os.environ.items() if not k.startswith("RAY_")}
    plain["HOME"] = str(tmp_path)
    token = {**plain, "RAY_AUTH_MODE": "token"}
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    ray, where = str(PROGRAMS / "ray"), f"127.0.0.1:{port}"
    subprocess.run([ray, "get-auth-token", "--generate"], env=plain, check=True)
    start = [ray, "start", "--head", f"--port={port}", "--num-cpus=1", "--block"]
    start += ["--include-dashboard=false", "--disable-usage-stats"]
    with subprocess.Popen(start, env=token, stdout=subprocess.DEVNULL) as head:
        try:
            health = [ray, "health-check", "--address", where]
            while subprocess.run(health, env=token, capture_output=True, check=False).returncode:
                time.sleep(1)
            refused = _run(tmp_path, where, plain)
            taken = _run(tmp_path, where, token)
        finally:
            head.terminate()

    assert refused.returncode == 1
    assert GUARDED in refused.stderr
    assert taken.returncode == 0, taken.stderr
    assert taken.stdout.count("COMPLETE") == 3


def _run(
    folder: Path, address: str, environment: dict[str, str]
) -> subprocess.CompletedProcess[str]:
    command = [str(PROGRAMS / "lorasweep"), "run", "study.py", "--storage", "sqlite:///s.db"]
    command += ["--launcher", "ray", "--ray-address", address, "--resources", "cpu=1"]
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
