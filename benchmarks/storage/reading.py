"""Seconds and peak memory of each command that reads a large study.

    python -m benchmarks.storage.reading --trials 20000

The study is the one of ``benchmarks.report.many_trials``, with four parameters, a claim and five
evaluations a trial. A few trials are run; the others are computed here and written to Optuna's
tables in bulk, as the driver would have written them. Prints a table, and as the last line one
JSON object.
"""

from __future__ import annotations

import argparse
import json
import os
import sqlite3
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.report.many_trials import make_spec
from objectives.synthetic import Synthetic
from sweep.driver.listener import NullListener
from sweep.driver.run_study import Options, run_study
from sweep.storage.studies import quiet_optuna
from sweep.storage.url import StorageUrl
from sweep.study.trial import TrialParams

COMMAND = str(Path(sys.executable).with_name("lorasweep"))
RUN = 3
"""Number of trials that are really run; rows of the last are copied with other values."""

COMMANDS = {
    "status": ("status",),
    "importance_quick": ("importance", "--quick"),
    "report": ("report",),
}

_RUN_AND_SAY = """
import json, resource, subprocess, sys, time
started = time.perf_counter()
subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)
peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
print(json.dumps([time.perf_counter() - started, peak]))
"""
"""Each command runs in a separate process, since the peak memory of children never falls."""


def make_study(path: Path, trials: int) -> StorageUrl:
    """A study of many COMPLETE trials.

    Args:
        path: the SQLite file to make.
        trials: how many.
    """
    address = StorageUrl.parse(f"sqlite:///{path}")
    with quiet_optuna():
        run_study(make_spec(RUN), address, NullListener(), Options(workers=1))
    with sqlite3.connect(path) as connection:
        _fill(connection, trials)
    connection.close()
    return address


def _fill(connection: sqlite3.Connection, trials: int) -> None:
    spec = make_spec(trials)
    objective = Synthetic(spec.settings, {})
    draw = np.random.default_rng(0)
    template = {
        table: connection.execute(f"select * from {table} where trial_id = ?", (RUN,)).fetchall()  # noqa: S608 - our own names
        for table in ("trials", "trial_params", "trial_user_attributes")
    }
    ((_, _, study, _, began, ended),) = template["trials"]
    for number in range(RUN, trials):
        values: dict[str, Any] = {}
        stored: dict[str, float] = {}
        for name in spec.space:
            grid = spec.space[name].grid()
            if grid is None:
                values[name] = stored[name] = float(np.exp(draw.uniform(*np.log([5e-4, 1e-2]))))
            else:  # of which Optuna stores the index
                index = int(draw.integers(len(grid)))
                values[name], stored[name] = grid[index], float(index)
        curve: list[tuple[int, float]] = []

        def report(_: int, step: int, value: float, __: Any, curve: Any = curve) -> bool:
            curve.append((step, value))
            return False

        (result,) = objective.run([TrialParams(number, values)], report)
        trial = number + 1
        steps = [{"step": step, "value": value} for step, value in curve]
        attributes = {"curve": steps, "metrics": dict(result.metrics), "seconds": result.seconds}
        row = (trial, number, study, "COMPLETE", began, ended)
        connection.execute("insert into trials values (?, ?, ?, ?, ?, ?)", row)
        connection.execute(
            "insert into trial_values (trial_id, objective, value, value_type)"
            " values (?, 0, ?, 'FINITE')",
            (trial, result.value),
        )
        connection.executemany(
            "insert into trial_params (trial_id, param_name, param_value, distribution_json)"
            " values (?, ?, ?, ?)",
            [(trial, name, stored[name], how) for _, _, name, _, how in template["trial_params"]],
        )
        connection.executemany(
            "insert into trial_intermediate_values"
            " (trial_id, step, intermediate_value, intermediate_value_type)"
            " values (?, ?, ?, 'FINITE')",
            [(trial, *point) for point in curve],
        )
        connection.executemany(
            "insert into trial_user_attributes (trial_id, key, value_json) values (?, ?, ?)",
            [
                (trial, key, json.dumps(attributes[key]) if key in attributes else text)
                for _, _, key, text in template["trial_user_attributes"]
            ],
        )
    text = json.dumps(spec.to_json())
    connection.execute(
        "update study_user_attributes set value_json = ? where key = 'spec'", (text,)
    )


def measure(address: StorageUrl, folder: Path) -> dict[str, float]:
    """Seconds and mebibytes of each command, and the size of the report's page."""
    found: dict[str, float] = {}
    for name, command in COMMANDS.items():
        out = ("--out", str(folder / "report")) if name == "report" else ()
        completed = subprocess.run(  # noqa: S603 - our own command
            [sys.executable, "-c", _RUN_AND_SAY, COMMAND, *command, "--storage", address.url, *out],
            check=True,
            capture_output=True,
            text=True,
        )
        seconds, peak = json.loads(completed.stdout)
        found[f"{name}_seconds"], found[f"{name}_mebibytes"] = round(seconds, 1), round(peak)
    (page,) = (folder / "report").glob("*.html")
    found["page_megabytes"] = round(page.stat().st_size / 1e6, 2)
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=20_000)
    trials: int = parser.parse_args().trials
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        address = make_study(Path(folder) / "many.db", trials)
        figures: dict[str, Any] = {
            "trials": trials,
            "making_seconds": round(time.perf_counter() - started, 1),
            **measure(address, Path(folder)),
            "cores": os.cpu_count(),
            "load": round(os.getloadavg()[0], 1),
            "date": datetime.now(UTC).date().isoformat(),
        }
    for name, value in figures.items():
        print(f"{name:<30}{value}")
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
