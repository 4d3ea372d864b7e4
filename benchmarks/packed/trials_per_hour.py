"""Trials per hour on this CPU: ours beside the usual way, in one run.

    python -m benchmarks.packed.trials_per_hour --data FOLDER --base FOLDER

Prints a table, and as the last line one JSON object. Both sides run the same trials on the same
windows with one single-threaded process per core; ``--data`` and ``--base`` default to the data and
base model in the package. Variants take turns round by round, so that slow periods of the machine
affect all of them.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections import defaultdict
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import joblib

from benchmarks.packed.figures import machine, settled, summary, versions
from benchmarks.packed.sides import Outcome, make_side
from benchmarks.packed.table import rows
from benchmarks.packed.variants import DEFAULT, OURS, VARIANTS
from benchmarks.packed.work import Size, Work

Rounds = dict[str, list[list[Outcome]]]
"""By variant, the outcomes of each round."""


def measure(work: Work, names: list[str], workers: int, repeats: int) -> Rounds:
    """Run all trials with all variants, round by round.

    Args:
        work: data, settings and trials.
        names: names of the variants.
        workers: processes at a time.
        repeats: number of repeats; lorasweep's workers start anew in each.
    """
    rounds: Rounds = defaultdict(list)
    trials = work.trials
    for _ in range(repeats):
        with ExitStack() as open_sides:
            sides = {
                name: open_sides.enter_context(closing(make_side(work, VARIANTS[name], workers)))
                for name in names
            }
            for first in range(0, len(trials), workers):
                turn = first // workers % len(names)  # so that no variant always runs first
                for name in names[turn:] + names[:turn]:
                    done = sides[name].run(trials[first : first + workers])
                    rounds[name].append(done)
                    seconds = ", ".join(f"{outcome.seconds:.1f}" for outcome in done)
                    print(f"round {len(rounds[name])}, {name}: {seconds} s", file=sys.stderr)
    return {name: rounds[name] for name in names}


def bench(size: Size, places: dict[str, str], names: list[str], **how: int) -> dict[str, Any]:
    """All figures of one run."""
    # One thread per process, on both sides; child processes inherit the environment.
    os.environ |= {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
    with tempfile.TemporaryDirectory() as folder:
        work = Work(size, places, Path(folder))
        before = os.getloadavg()[0]
        rounds = measure(work, names, **how)
        found = summary(rounds, how["workers"])
        return {
            **machine(),
            **how,
            "load_before": round(before, 2),
            "versions": versions(),
            "work": work.about(),
            "trials": [dict(params.values) for params in work.trials],
            **found,
            "settled": settled(found["variants"], len(work.trials), how["workers"]),
        }


def main() -> None:
    """Read the command line, measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", help="as lorasweep run takes it; default: embedded motifs")
    parser.add_argument("--base", help="as lorasweep run takes it; default: embedded mini base")
    parser.add_argument("--train-chains", type=int, default=100)
    parser.add_argument("--validation-chains", type=int, default=40)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--trials", type=int, default=4)
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--workers", type=int, default=int(joblib.cpu_count()))
    parser.add_argument("--variants", default=",".join(DEFAULT), help=", ".join(VARIANTS))
    parser.add_argument("--out", type=Path, help="keep the JSON object here too")
    args = parser.parse_args()
    names = args.variants.split(",")
    unknown = [name for name in names if name not in VARIANTS]
    if unknown or OURS not in names:
        parser.error(f"--variants: {unknown or OURS}: take {OURS} and any of {', '.join(VARIANTS)}")
    size = Size(args.train_chains, args.validation_chains, args.epochs, args.trials)
    places = {k: v for k, v in (("data", args.data), ("base", args.base)) if v}
    figures = bench(size, places, names, workers=args.workers, repeats=args.repeats)
    print("\n".join(rows(figures)))
    text = json.dumps(figures)
    if args.out:
        args.out.write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
