"""Run the verdict on many simulated studies with a known answer, and record how often it is right.

    python -m benchmarks.verdict.campaign --cells A:162,B:162 --studies 500
    python -m benchmarks.verdict.campaign --cells all:40,all:162 --studies 500 --cross-checks

An interrupted campaign can be continued. Study i of a cell has its own seed, so
neither the order nor the number of workers changes a record.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from filelock import FileLock

from benchmarks.verdict import records
from benchmarks.verdict.designs import balanced_runs, pool, space_of
from benchmarks.verdict.scenarios import SCENARIOS
from benchmarks.verdict.study import Cell, run_study

FOLDER = Path(__file__).parents[2] / "runs" / "verdict-campaign"
Runner = Callable[[Cell, list[int]], Iterator[dict[str, Any]]]
_BATCH = 4
"""Studies that a worker takes at a time."""


def campaign(cells: Iterable[Cell], studies: int, folder: Path, workers: int, nice: int) -> None:
    """Run those of the first ``studies`` studies of each cell that have no record yet.

    Raises:
        OtherCodeError: if a cell's records come from other code or settings; checked for all
            cells before the first study runs.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / ".lock", timeout=1):
        missing = []
        for cell in cells:
            done = records.begin(folder, cell)
            missing.append((cell, [i for i in range(studies) if i not in done]))
        with _runner(workers, nice) as run:
            for cell, left in missing:
                _make_designs(cell)
                started, verdicts = time.perf_counter(), Counter[str]()
                for record in run(cell, left):
                    records.append(folder, cell, record)
                    verdicts[record.get("verdict", "ERROR")] += 1
                seconds = time.perf_counter() - started
                print(f"{cell.name:<12} {dict(verdicts)} in {seconds:.0f} s", flush=True)


def _make_designs(cell: Cell) -> None:
    """Write the designs to disk, so that no two workers make them."""
    scenario = SCENARIOS[cell.scenario]
    if scenario.plan is balanced_runs:
        space = space_of(scenario.ranks, rate_varies=scenario.fixed_rate is None)
        pool(json.dumps(space.to_json()), cell.n)


@contextmanager
def _runner(workers: int, nice: int) -> Iterator[Runner]:
    """A function that runs studies of a cell, in this process or in a pool, and yields records."""
    if workers == 1:
        yield lambda cell, studies: map(partial(run_study, cell), studies)
        return
    os.environ["OMP_NUM_THREADS"] = "1"  # read by the workers when they load numpy
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(
        workers, mp_context=context, initializer=os.nice, initargs=(nice,)
    ) as executor:
        try:
            yield lambda cell, studies: executor.map(
                partial(run_study, cell), studies, chunksize=_BATCH
            )
        except BaseException:
            executor.shutdown(cancel_futures=True)
            raise


def cells_of(text: str, draws: int, seed: int, *, cross_checks: bool) -> list[Cell]:
    """Parse ``A:162,all:40``; ``all`` means every scenario."""
    found = []
    for pair in text.split(","):
        name, _, n = pair.partition(":")
        names = list(SCENARIOS) if name == "all" else [name]
        unknown = [each for each in names if each not in SCENARIOS]
        if unknown or not n.isdigit():
            raise SystemExit(f"--cells: {pair!r} must be one of {', '.join(SCENARIOS)}, and :n")
        found += [Cell(each, int(n), draws, cross_checks, seed) for each in names]
    return list(dict.fromkeys(found))


def main() -> None:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cells", default="all:40,all:80,all:162,all:240", help="A:162,all:40")
    parser.add_argument("--studies", type=int, default=500, help="of each cell")
    parser.add_argument("--draws", type=int, default=500, help="of the judge")
    parser.add_argument("--cross-checks", action="store_true", help="with those that can veto")
    parser.add_argument("--out", type=Path, default=FOLDER, help="folder of the records")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--nice", type=int, default=10, help="how far workers step back")
    args = parser.parse_args()
    cells = cells_of(args.cells, args.draws, args.seed, cross_checks=args.cross_checks)
    campaign(cells, args.studies, args.out, args.workers, args.nice)


if __name__ == "__main__":
    main()
