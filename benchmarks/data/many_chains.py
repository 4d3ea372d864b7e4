"""Time and memory to prepare a large protein table, from UniProt TSV to a trainer's batches.

    python -m benchmarks.data.many_chains --chains 500000

Makes a folder of synthetic chains (``synthetic.py``), and prepares it in a separate process with
an empty cache (cold); another process then finds the cache (warm) and reads all training batches
of an epoch, as a trial does, without the model. Prints a table, and as the last line one JSON
object. Memory is reported by the system per process: ``anonymous`` is its own, ``mapped`` are
pages of files, including the data, which the system can reclaim.

``--carve`` makes no validation split, so that one is carved out by clusters, whose cost grows with
the square of the chains.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks.data.synthetic import write_table
from benchmarks.shown import show

VALIDATION = 0.02
"""Share of the chains in a validation split of their own."""


def make(folder: Path, chains: int, *, carve: bool) -> dict[str, Any]:
    """Write the synthetic chains and return counts that describe them."""
    data = folder / "data"
    data.mkdir(parents=True)
    held_out = 0 if carve else round(VALIDATION * chains)
    residues = write_table(data / "train.tsv", chains - held_out)
    if held_out:
        residues += write_table(data / "validation.tsv", held_out, seed=1)
    size = sum(path.stat().st_size for path in data.iterdir())
    return {"chains": chains, "residues": residues, "bytes": size, "carved": carve}


def run(phase: str, folder: Path) -> dict[str, Any]:
    """Run a phase in a separate process and return its JSON result."""
    command = [sys.executable, "-m", "benchmarks.data.trainer", phase, str(folder)]
    done = subprocess.run(  # noqa: S603 - our own module
        [*command, str(time.time())], check=True, stdout=subprocess.PIPE, text=True
    )
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def once(folder: Path, phase: str, act: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """The result of a phase, reused if it was already run in the same folder."""
    note = folder / f"{phase}.json"
    if not note.exists():
        note.write_text(json.dumps(act()))
    found: dict[str, Any] = json.loads(note.read_text())
    return found


def measure(folder: Path, chains: int, *, carve: bool) -> dict[str, Any]:
    """All figures of one run."""
    made = once(folder, "made", lambda: make(folder, chains, carve=carve))
    cold = once(folder, "cold", lambda: run("cold", folder))
    warm = once(folder, "warm", lambda: run("warm", folder))
    chains = made["chains"]
    kept = sum(path.stat().st_size for path in (folder / "cache").rglob("*") if path.is_file())
    steps = cold["steps"]
    prepared = steps["divide"] - steps.get("group", 0.0) + steps["tokenise"]
    per = 100_000 / chains
    return {
        "chains": chains,
        "residues": made["residues"],
        "table_megabytes": round(made["bytes"] / 1e6),
        "cache_megabytes": round(kept / 1e6),
        "carved": made["carved"],
        "cold_seconds_to_first_batch": cold["first_batch"],
        **{f"cold_{step}_seconds": seconds for step, seconds in steps.items()},
        "cold_cpu_seconds": cold["cpu"],
        "cold_peak_megabytes": cold["peak"],
        "tokens_per_second_read_and_tokenised": round(warm["all_tokens"] / prepared),
        "warm_seconds_to_first_batch": warm["first_batch"],
        "warm_seconds_importing": warm["imported"],
        "warm_seconds_of_an_epoch": warm["epoch"],
        "warm_tokens_of_an_epoch": warm["tokens"],
        "warm_anonymous_megabytes": warm["anonymous"],
        "warm_mapped_megabytes": warm["mapped"],
        "cold_seconds_per_100000": round(cold["first_batch"] * per, 1),
        "cold_peak_megabytes_per_100000": round(cold["peak"] * per),
        "cache_megabytes_per_100000": round(kept / 1e6 * per, 1),
        "machine": f"{os.cpu_count()} cores, {platform.machine()}, {platform.system()}",
        "load_average": round(os.getloadavg()[0], 1),
        "python": platform.python_version(),
        **{name: version(name) for name in ("datasets", "pyarrow", "numpy", "torch")},
        "date": datetime.now(UTC).date().isoformat(),
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--chains", type=int, default=500_000)
    parser.add_argument("--carve", action="store_true", help="give no validation split")
    parser.add_argument("--folder", type=Path, help="keep files here; what is done is not redone")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = options.folder or Path(name)
        figures = measure(folder, options.chains, carve=options.carve)
    show(figures)


if __name__ == "__main__":
    main()
