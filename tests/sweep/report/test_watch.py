"""The serving commands, run beside a sweep until Ctrl-C."""

from __future__ import annotations

import json
import signal
import subprocess
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from command import PROGRAM, lorasweep

STUDY = """
from sweep import Budget, Choice, Space, StudySpec, TargetSets

STUDY = StudySpec(
    name="slow",
    objective="objectives.synthetic:Synthetic",
    space=Space({"rank": Choice(2, 4, 8), "alpha": Choice(4, 8, 16),
                 "targets": TargetSets("qkv", "mlp")}),
    settings={"function": "surface", "steps": 2, "sleep_seconds": 0.6},
    budget=Budget(trials=6),
)
"""
PATIENCE_SECONDS = 60


def ask(url: str, what: str = "") -> Any:
    """A document from the server, as text or as JSON."""
    with urllib.request.urlopen(url + what, timeout=20) as answer:  # noqa: S310 - our own server
        text = answer.read().decode()
        return json.loads(text) if answer.headers.get_content_subtype() == "json" else text


def until(true: Callable[[], bool]) -> None:
    """Wait for a condition, with a timeout."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.2)


def url_of(process: subprocess.Popen[str]) -> str:
    """The URL in a command's JSON document."""
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line, process.communicate()[1]
    return str(json.loads(line)["url"])


def stop(process: subprocess.Popen[str], number: int = signal.SIGINT) -> int:
    """Stop a command and return its exit code."""
    process.send_signal(number)
    process.communicate(timeout=30)
    return process.returncode


def start(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    """Start the command in another process."""
    pipe = subprocess.PIPE
    return subprocess.Popen([PROGRAM, *arguments], cwd=folder, stdout=pipe, stderr=pipe, text=True)


@pytest.mark.slow
def test_the_page_follows_a_sweep_to_its_end(tmp_path: Path) -> None:
    """From a few trials to all; then no driver is shown."""
    (tmp_path / "slow.py").write_text(STUDY)
    where = ("--storage", "sqlite:///slow.db")
    first = lorasweep(tmp_path, "run", "slow.py", *where, "--trials", "2")
    assert first.returncode == 0, first.stderr
    quick = ("--quick", "--port", "0", "--json")
    watching = start(tmp_path, "report", "--watch", *where, *quick)
    try:
        url = url_of(watching)
        before = ask(url, "state")
        assert before["running"] is False
        assert ask(url, "report.json")["counts"]["complete"] == 2
        with start(tmp_path, "run", "slow.py", *where) as sweep:
            until(lambda: ask(url, "state")["running"] is True)
            running = ask(url, "state")["version"]
            assert running != before["version"]
            sweep.communicate(timeout=PATIENCE_SECONDS)
        assert sweep.returncode == 0
        until(lambda: ask(url, "report.json")["counts"]["complete"] == 6)
        until(lambda: ask(url, "state")["running"] is False)
        assert "slow" in ask(url, "fragment")
    finally:
        code = stop(watching)
    assert code == 128 + signal.SIGINT


@pytest.mark.slow
def test_the_dashboard_responds_and_ends_with_ctrl_c(tmp_path: Path) -> None:
    """On the study's own database."""
    pytest.importorskip("optuna_dashboard")
    (tmp_path / "slow.py").write_text(STUDY.replace("0.6", "0.0"))
    where = ("--storage", "sqlite:///slow.db")
    assert lorasweep(tmp_path, "run", "slow.py", *where).returncode == 0
    serving = start(tmp_path, "dashboard", *where, "--port", "0", "--json")
    try:
        url = url_of(serving)
        until(lambda: _answers(url))
        names = [each["study_name"] for each in ask(url, "api/studies")["study_summaries"]]
    finally:
        stop(serving)
    assert names == ["slow"]


def _answers(url: str) -> bool:
    try:
        return bool(ask(url, "api/studies"))
    except OSError:
        return False
