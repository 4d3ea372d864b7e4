"""What a step costs: one more lane, rank, target set; padding; the first step; memory.

    python -m benchmarks.packed.lanes --data FOLDER --base FOLDER

Times are process-CPU seconds of one thread (wall-clock on a GPU), the fastest of several passes
taken in turns. Prints tables, and as the last line one JSON object. ``--data`` and ``--base``
default to the data and base model in the package.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from benchmarks.packed.figures import machine, versions
from objectives.lora.adapter_config import AdapterConfig
from objectives.lora.base.load import Precision
from objectives.lora.memory import keep_memory
from objectives.lora.packed.lane_parameters import Adapters
from objectives.lora.packed.layout import LaneBatch
from objectives.lora.packed.model import PackedModel
from objectives.lora.settings import BindingSettings
from objectives.lora.target_modules import resolve
from objectives.lora.training.inputs import Inputs
from objectives.lora.training.lane import plan_steps
from objectives.tasks.residue_binary import ResidueBinary

SETS = ("none", "query+value", "qkv", "mlp", "all-linear")
RANKS = (1, 8, 32, 64)
LANES = (1, 2, 4)
TOKENS = 2048
ROUNDS = 4


class Bench:
    """A base model, data, and timed passes over them.

    Args:
        inputs: paths of data and base model.
        settings: the study's settings.
    """

    def __init__(self, inputs: Mapping[str, str], settings: Mapping[str, Any]) -> None:
        self.settings = BindingSettings.from_mapping(settings)
        self.inputs = Inputs(inputs, self.settings, ResidueBinary)
        self.precision = Precision.from_settings(self.settings)
        self.model: PackedModel = self.inputs.model(self.precision)
        self.windows = self.inputs.splits.train
        plan = plan_steps(self.windows.lengths, self.settings, seed=0)
        self.batch = max(plan.batches, key=lambda batch: sum(self._lengths(batch)))

    def _lengths(self, batch: Sequence[int]) -> list[int]:
        return [self.windows.lengths[i] for i in batch]

    @property
    def tokens(self) -> int:
        """The number of tokens of the timed batch."""
        return sum(self._lengths(self.batch))

    def add_lane(self, targets: str, rank: int, seed: int = 0) -> Adapters:
        """Add a lane with adapters."""
        resolved = resolve(self.inputs.skeleton, targets, self.model.head)
        modules = resolved.modules if rank else ()
        config = AdapterConfig(rank, 2.0 * rank, resolved.targets, modules)
        return self.model.add_lane(config, seed, self.settings.batch_tokens)

    def step(self, lanes: Sequence[Adapters], skip: int = 0) -> None:
        """Run forward and backward of all lanes."""
        shares = [LaneBatch(lane, self.windows, self.batch, 1) for lane in lanes]
        made = self.model.logits(shares, skip=skip)
        torch.autograd.backward([logits.square().mean() for logits in made])
        for lane in lanes:
            self.model.zero_grad(lane)

    def fastest(self, cases: Mapping[Any, Callable[[], None]]) -> dict[Any, float]:
        """Seconds of each case, the fastest of several passes taken in turns."""
        clock = time.process_time if self.precision.device.type == "cpu" else _device_clock
        best = dict.fromkeys(cases, float("inf"))
        for once in cases.values():
            once()
        for _ in range(ROUNDS):
            for name, once in cases.items():
                started = clock()
                once()
                best[name] = min(best[name], clock() - started)
        return {name: round(seconds, 4) for name, seconds in best.items()}

    def cost(self, cases: Mapping[Any, Sequence[tuple[str, int]]]) -> dict[Any, float]:
        """Seconds of a step of each case's lanes, given as pairs of target set and rank."""
        lanes = {
            name: [self.add_lane(*each, seed=i) for i, each in enumerate(case)]
            for name, case in cases.items()
        }
        found = self.fastest({name: lambda own=own: self.step(own) for name, own in lanes.items()})
        for own in lanes.values():
            for lane in own:
                self.model.remove_lane(lane)
        return found

    def prefix(self) -> dict[str, float]:
        """Seconds of a step with adapters in the upper third, lower layers cached or not."""
        layers = len(self.model.layers)
        above = range(layers - layers // 3, layers)
        lane = self.add_lane("+".join(f"layer.{i}.attention.self.query" for i in above), 8)
        skip = self.model.frozen_layers(lane, [self.windows])
        cases = {
            "cached": lambda: self.step([lane], skip),
            "not_cached": lambda: self.step([lane]),
        }
        found = {"layers": layers, "skipped": skip, **self.fastest(cases)}
        self.model.remove_lane(lane)
        return found

    def padding(self) -> dict[str, float]:
        """Computed tokens over real tokens, in one epoch's batches, by way of padding."""
        plan = plan_steps(self.windows.lengths, self.settings, seed=0)
        lengths = [self._lengths(batch) for batch in plan.batches]
        real = sum(sum(each) for each in lengths)
        padded = sum(max(each) * len(each) for each in lengths)
        pairs = sum(n * n for each in lengths for n in each)
        padded_pairs = sum(max(each) ** 2 * len(each) for each in lengths)
        return {
            "packed": 1.0,
            "padded_to_longest": round(padded / real, 2),
            "padded_to_1024": round(1024 * sum(map(len, lengths)) / real, 2),
            "attention_pairs_padded_to_longest": round(padded_pairs / pairs, 2),
        }


def _device_clock() -> float:
    torch.cuda.synchronize()
    return time.perf_counter()


_FRESH = """
import json, sys, time
began = time.perf_counter()
from benchmarks.packed.lanes import Bench
from objectives.lora.memory import peak_memory_bytes
bench = Bench(*json.loads(sys.argv[1]))
lanes = [bench.add_lane("all-linear", 8, seed) for seed in range(int(sys.argv[2]))]
bench.step(lanes)
first = time.perf_counter() - began
bench.step(lanes)
print(json.dumps([first, peak_memory_bytes(bench.precision.device)]))
"""


def fresh(inputs: Mapping[str, str], settings: Mapping[str, Any], lanes: int) -> tuple[float, int]:
    """Seconds to the first step and peak memory in MiB, measured in a new process."""
    argument = json.dumps([dict(inputs), dict(settings)])
    command = [sys.executable, "-c", _FRESH, argument, str(lanes)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603
    first, peak = json.loads(done.stdout.splitlines()[-1])
    return round(first, 1), round(peak / 2**20)


def measure(inputs: Mapping[str, str], settings: Mapping[str, Any]) -> dict[str, Any]:
    """All tables."""
    bench = Bench(inputs, settings)
    by_lanes = bench.cost({k: [("all-linear", 8)] * k for k in LANES})
    started = {k: fresh(inputs, settings, k) for k in LANES}
    return {
        **machine(),
        "versions": versions(),
        "base": bench.inputs.about_base(),
        "tokens": bench.tokens,
        "base_weights": bench.model.base_weights,
        "seconds_per_lane": {k: round(seconds / k, 4) for k, seconds in by_lanes.items()},
        "seconds_by_rank": bench.cost({rank: [("all-linear", rank)] for rank in RANKS}),
        "seconds_by_targets": bench.cost({name: [(name, 8)] for name in SETS}),
        "frozen_prefix": bench.prefix(),
        "padding": bench.padding(),
        "seconds_to_first_step": {k: first for k, (first, _) in started.items()},
        "peak_mebibytes": {k: peak for k, (_, peak) in started.items()},
    }


def main() -> None:
    """Read the command line, measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", help="as lorasweep run takes it; default: embedded motifs")
    parser.add_argument("--base", help="as lorasweep run takes it; default: embedded mini base")
    parser.add_argument("--compute-dtype", default="auto")
    parser.add_argument("--train-chains", type=int, default=300)
    args = parser.parse_args()
    torch.set_num_threads(1)
    keep_memory()
    settings = {
        "batch_tokens": TOKENS,
        "train_chains": args.train_chains,
        "validation_chains": 10,
        "compute_dtype": args.compute_dtype,
    }
    with tempfile.TemporaryDirectory() as cache:
        inputs = {k: v for k, v in (("data", args.data), ("base", args.base)) if v}
        figures = measure({**inputs, "cache": str(Path(cache))}, settings)
    for name, value in figures.items():
        print(f"{name}: {value}")
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
