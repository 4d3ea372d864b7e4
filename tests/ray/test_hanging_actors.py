"""One signal ends a sweep on a cluster, even if its trials never return."""

from __future__ import annotations

import signal
import subprocess
from pathlib import Path

import optuna
import pytest
from command import PROGRAM
from hanging import wait_until_it_hangs, write_study

from sweep.workers.ray.config import RayConfig

pytest.importorskip("ray", reason="Ray is not installed (lorasweep[ray])")
pytestmark = [pytest.mark.ray, pytest.mark.timeout(300)]


def states(folder: Path) -> list[str]:
    """States of the study's trials."""
    study = optuna.load_study(study_name="toy", storage=f"sqlite:///{folder}/s.db")
    return [trial.state.name for trial in study.trials]


@pytest.mark.slow
def test_actors_whose_trials_hang_are_killed_after_a_timeout(
    cluster: RayConfig, tmp_path: Path
) -> None:
    """Their trials are interrupted and count as no failure; the same command resumes the study."""
    write_study(tmp_path)
    where = ["--launcher", "ray", "--ray-address", cluster.address, "--workers", "2"]
    command = [PROGRAM, "run", "toy.py", "--storage", "sqlite:///s.db", *where]
    (tmp_path / "hang").touch()
    process = subprocess.Popen(
        command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    wait_until_it_hangs(tmp_path, process)
    process.send_signal(signal.SIGTERM)
    _, stderr = process.communicate(timeout=120)
    interrupted = states(tmp_path)
    (tmp_path / "hang").unlink()
    again = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    assert process.returncode == 128 + signal.SIGTERM, stderr
    assert "did not leave in time after a signal and lost the worker" in stderr
    assert "Traceback" not in stderr
    assert interrupted.count("FAIL") == interrupted.count("WAITING") >= 1
    assert again.returncode == 0, again.stderr
    assert states(tmp_path).count("COMPLETE") == 2
