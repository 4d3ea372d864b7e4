"""lorasweep's overhead per trial, measured on many trials of an objective without computation.

    python benchmarks/storage/many_trials.py --trials 10000

Prints a table, and as the last line one JSON object. For comparison it runs plain Optuna in the
same run: ``study.optimize`` on a SQLite file, which stores a trial's parameters and value, in the
computing process. lorasweep also stores metrics,
details, seed, seconds, a learning curve and the study's driver, and computes in workers.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import optuna

from objectives.synthetic import linear
from sweep import Budget, Float, Sampler, Space, StudySpec
from sweep.driver.run_study import Options, run_study
from sweep.storage.studies import quiet_optuna
from sweep.storage.url import StorageUrl

COMMAND = [str(Path(sys.executable).with_name("lorasweep"))]


class Silent:
    """A listener that shows nothing and records when each trial ended."""

    def __init__(self) -> None:
        self.ended: list[float] = []

    def started(self, number: int, label: str) -> None:
        """Nothing to show."""

    def reported(self, number: int, step: int, value: float) -> None:
        """Nothing to show."""

    def finished(self, *_: object) -> None:
        """Record the time."""
        self.ended.append(time.perf_counter())


def make_spec(trials: int) -> StudySpec:
    """Two parameters, drawn at random, nothing to compute."""
    return StudySpec(
        name="many",
        objective="objectives.synthetic:Synthetic",
        space=Space({"x1": Float(0, 1), "x2": Float(0, 1)}),
        settings={"function": "linear"},
        sampler=Sampler("random"),
        budget=Budget(trials=trials),
    )


def lorasweep(address: StorageUrl, trials: int) -> tuple[float, list[float]]:
    """Run a study; total seconds, and seconds per trial in each tenth of it."""
    watcher = Silent()
    started = time.perf_counter()
    run_study(make_spec(trials), address, watcher, Options(workers=1))
    seconds = time.perf_counter() - started
    tenth = trials // 10
    marks = watcher.ended
    return seconds, [
        (marks[i + tenth - 1] - marks[i]) / (tenth - 1) for i in range(0, trials - tenth + 1, tenth)
    ]


def plain_optuna(path: Path, trials: int) -> float:
    """Seconds of ``study.optimize`` with plain Optuna."""
    study = optuna.create_study(
        storage=f"sqlite:///{path}", sampler=optuna.samplers.RandomSampler(seed=0)
    )

    def objective(trial: optuna.Trial) -> float:
        x1, x2 = (trial.suggest_float(name, 0, 1) for name in ("x1", "x2"))
        trial.report(linear({"x1": x1, "x2": x2}), 1)
        return linear({"x1": x1, "x2": x2})

    started = time.perf_counter()
    study.optimize(objective, n_trials=trials)
    return time.perf_counter() - started


def command_seconds(*arguments: str, times: int = 3) -> float:
    """Median wall-clock seconds of a command, including its start."""
    taken = []
    for _ in range(times):
        started = time.perf_counter()
        subprocess.run(  # noqa: S603 - our own command
            [*COMMAND, *arguments], check=True, capture_output=True
        )
        taken.append(time.perf_counter() - started)
    return statistics.median(taken)


def measure(trials: int) -> dict[str, Any]:
    """All figures of one run."""
    with tempfile.TemporaryDirectory() as folder, quiet_optuna():
        path = Path(folder) / "many.db"
        address = StorageUrl.parse(f"sqlite:///{path}")
        seconds, tenths = lorasweep(address, trials)
        rival = plain_optuna(Path(folder) / "plain.db", trials)
        where = ("--storage", address.url)
        return {
            "trials": trials,
            "seconds": round(seconds, 1),
            "ms_per_trial": round(1000 * seconds / trials, 2),
            "ms_per_trial_first_tenth": round(1000 * tenths[0], 2),
            "ms_per_trial_last_tenth": round(1000 * tenths[-1], 2),
            "optuna_ms_per_trial": round(1000 * rival / trials, 2),
            "ratio_to_optuna": round(seconds / rival, 2),
            "database_bytes_per_trial": round(path.stat().st_size / trials),
            "optuna_bytes_per_trial": round((Path(folder) / "plain.db").stat().st_size / trials),
            "status_seconds": round(command_seconds("status", *where), 2),
            "importance_seconds": round(command_seconds("importance", *where, times=1), 2),
            "resume_seconds_nothing_to_do": round(command_seconds("resume", *where), 2),
            "machine": f"{os.cpu_count()} cores, {platform.machine()}, {platform.system()}",
            "python": platform.python_version(),
            "optuna": version("optuna"),
            "sqlalchemy": version("sqlalchemy"),
            "date": datetime.now(UTC).date().isoformat(),
        }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=10_000)
    figures = measure(parser.parse_args().trials)
    width = max(map(len, figures))
    for name, value in figures.items():
        print(f"{name:<{width}}  {value}")
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
