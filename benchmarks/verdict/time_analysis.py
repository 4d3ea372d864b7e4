"""How long the whole analysis of one study takes: 162 trials, cross-checks and all.

    OMP_NUM_THREADS=2 python -m benchmarks.verdict.time_analysis

Prints a table, and as the last line one JSON object. The cross-checks are 200 bootstraps and 100
permutations of a forest's importance.
"""

from __future__ import annotations

import argparse
import os
import platform
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from benchmarks.shown import show
from benchmarks.verdict.records import versions
from benchmarks.verdict.scenarios import SCENARIOS, simulate
from benchmarks.verdict.study import CLAIM
from sweep.analysis.verdict.result import Verdict
from sweep.analysis.verdict.verdict import judge


def measure(n: int, seed: int, draws: Sequence[int]) -> dict[str, Any]:
    """Seconds with each number of draws, on one study."""
    table, _ = simulate(SCENARIOS["A"], n, seed)
    figures: dict[str, Any] = {"trials": n}
    for count in draws:
        found, seconds = _timed(lambda count=count: judge(table, CLAIM, n_draws=count))
        _, alone = _timed(
            lambda count=count: judge(table, CLAIM, n_draws=count, cross_checks=False)
        )
        if not found.cross_checks:
            raise SystemExit(f"{found.verdict} without cross-checks: nothing to time")
        figures[f"seconds_{count}_draws"] = round(seconds, 2)
        figures[f"seconds_{count}_draws_no_cross_checks"] = round(alone, 2)
        figures[f"verdict_{count}_draws"] = found.verdict
        figures["cross_checks"] = len(found.cross_checks)
    return figures


def _timed(run: Any) -> tuple[Verdict, float]:
    started = time.perf_counter()
    found = run()
    return found, time.perf_counter() - started


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=162)
    parser.add_argument("--draws", type=int, nargs="+", default=[2000, 10_000])
    parser.add_argument("--seed", type=int, default=0, help="of the study")
    args = parser.parse_args()
    figures = {
        **measure(args.trials, args.seed, args.draws),
        "machine": f"{os.cpu_count()} cores, {platform.machine()}, {platform.system()}",
        **versions(),
        "date": datetime.now(UTC).date().isoformat(),
    }
    show(figures)


if __name__ == "__main__":
    main()
