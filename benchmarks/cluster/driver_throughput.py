"""What the driver costs per trial, and how many it keeps going: real driver, simulated workers.

    python -m benchmarks.cluster.driver_throughput                  # all: 10 minutes
    python -m benchmarks.cluster.driver_throughput --only workers --databases sqlite

``workers``: trials per second with 1 to 64 workers that answer at once, in an empty study.
``size``: the same with 16 workers in studies that already have trials. ``model``: the rate with 64
and 256 workers whose trials need half, all, or more of the driver's time, beside the rate that
``model.py`` predicts from the costs. Seconds are measured as in ``simulated.py``. On PostgreSQL the
server's CPU time is shown beside the driver's. Prints tables, and as the last line one JSON object.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psutil

from benchmarks.cluster.model import bound, rate
from benchmarks.cluster.simulated import Load
from benchmarks.cluster.studies import Drive, drive, fill, make_spec, rename_sampler
from sweep.storage.url import StorageUrl
from tests.faults.postgres import Postgres

EVALUATIONS = 3
WORKERS = (1, 4, 16, 64)
SIZES = (1_000, 10_000)
SAMPLERS = ("random", "tpe")
FEW_AND_MANY = (4, 128)
ASKED = {64: (0.5, 1.0, 1.5), 256: (1.0,)}
"""Number of workers: the share of the driver's time that their trials need together."""

Row = dict[str, Any]


class Databases:
    """Creates empty databases of one kind.

    Args:
        kind: ``sqlite`` or ``postgresql``.
        folder: the folder for SQLite files.
        server: the server for PostgreSQL databases.
    """

    def __init__(self, kind: str, folder: Path, server: Postgres | None) -> None:
        self.kind = kind
        self._folder = folder
        self._server = server

    def fresh(self) -> StorageUrl:
        """The URL of an empty database."""
        if self._server is not None:
            return StorageUrl.parse(self._server.new_database())
        return StorageUrl.parse(f"sqlite:///{tempfile.mkdtemp(dir=self._folder)}/study.db")

    def server_seconds(self) -> float:
        """CPU seconds used by the server's processes so far; 0 without a server."""
        if self._server is None:
            return 0.0
        # Other processes of that name are counted too.
        total = 0.0
        for process in psutil.process_iter(["name"]):
            with contextlib.suppress(psutil.NoSuchProcess):
                if process.info["name"] == "postgres":
                    total += sum(process.cpu_times()[:4])  # including ended children
        return total


@contextlib.contextmanager
def databases(kind: str) -> Iterator[Databases]:
    """Databases of a kind, with a running server if they need one."""
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        server = stack.enter_context(Postgres()) if kind == "postgresql" else None
        yield Databases(kind, Path(folder), server)


def figures(made: Drive, database: str, sampler: str, **where: int) -> Row:
    """The figures of one measured run, as a row of the table."""
    spent = made.spent
    return {
        "database": database,
        "sampler": sampler,
        **where,
        "trials_per_second": round(made.rate, 1),
        "ask_ms": round(spent.each("ask"), 2),
        "tell_ms": round(spent.each("tell"), 2),
        "report_ms": round(spent.each("report"), 2),
        "cost_ms": round(1000 * made.cost, 2),
    }


def by_workers(base: Databases) -> Iterator[Row]:
    """Costs in an empty study, by number of workers that answer at once."""
    for sampler in SAMPLERS:
        for workers in WORKERS:
            trials = 20 + 3 * workers
            before = base.server_seconds()
            spec = make_spec(sampler, trials)
            made = drive(base.fresh(), spec, Load(0.0, EVALUATIONS), workers)
            row = figures(made, base.kind, sampler, workers=workers, trials_before=0)
            used = base.server_seconds() - before
            yield {**row, "server_ms": round(1000 * used / trials, 2)}


def by_size(base: Databases) -> Iterator[Row]:
    """Costs with 16 workers, by number of trials in the study."""
    for size in SIZES:
        address = base.fresh()
        fill(address, size, EVALUATIONS)
        have = size
        for sampler in SAMPLERS:
            have += 80
            spec = rename_sampler(address, sampler, have)
            made = drive(address, spec, Load(0.0, EVALUATIONS), 16)
            yield figures(made, base.kind, sampler, workers=16, trials_before=size)


def costs(base: Databases) -> tuple[float, float]:
    """CPU seconds of a trial, and the additional seconds per running trial.

    Computed from the rates with few and with many workers that answer at once. The cost grows
    because Optuna reads every running trial again at each ask.
    """
    seconds = []
    for workers in FEW_AND_MANY:
        spec = make_spec("random", 40 + 3 * workers)
        seconds.append(1 / drive(base.fresh(), spec, Load(0.0, EVALUATIONS), workers).rate)
    few, many = FEW_AND_MANY
    each = (seconds[1] - seconds[0]) / (many - few)
    return seconds[0] - few * each, each


def against_model(base: Databases) -> Iterator[Row]:
    """The rate if trials need half, all, or more of the driver's time, measured and predicted."""
    alone, each = costs(base)
    for lanes, demands in ASKED.items():
        cost = alone + lanes * each
        for asked in demands:
            seconds = lanes * cost / asked
            spec = make_spec("random", 3 * lanes)
            made = drive(base.fresh(), spec, Load(seconds, EVALUATIONS), lanes)
            predicted = rate(lanes, seconds, cost)
            yield {
                "database": base.kind,
                "workers": lanes,
                "asked_of_the_driver": asked,
                "seconds_a_trial": round(seconds, 2),
                "cost_alone_ms": round(1000 * alone, 2),
                "cost_each_ms": round(1000 * each, 3),
                "cost_ms": round(1000 * cost, 2),
                "measured": round(made.rate, 2),
                "predicted": round(predicted, 2),
                "bound": round(bound(lanes, seconds, cost), 2),
                "error_percent": round(100 * (predicted / made.rate - 1), 1),
            }


PARTS = {"workers": by_workers, "size": by_size, "model": against_model}


def shown(rows: Iterator[Row]) -> list[Row]:
    """The rows, each printed as soon as it is measured."""
    kept: list[Row] = []
    for row in rows:
        if not kept:
            print("  ".join(row))
        print("  ".join(f"{value!s:>{len(name)}}" for name, value in row.items()), flush=True)
        kept.append(row)
    return kept


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS))
    kinds = ["sqlite", "postgresql"]
    parser.add_argument("--databases", nargs="+", choices=kinds, default=kinds)
    options = parser.parse_args()
    found: dict[str, Any] = {part: [] for part in options.only}
    for kind in options.databases:
        with databases(kind) as base:
            for part in options.only:
                found[part] += shown(PARTS[part](base))
    found["machine"] = f"{os.cpu_count()} cores, {platform.machine()}, {platform.system()}"
    found["python"] = platform.python_version()
    found |= {name: version(name) for name in ("optuna", "sqlalchemy", "psycopg")}
    found["date"] = datetime.now(UTC).date().isoformat()
    print(json.dumps(found))


if __name__ == "__main__":
    main()
