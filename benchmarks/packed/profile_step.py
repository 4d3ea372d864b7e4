"""Where one training step of ours spends its time, beside what arithmetic alone would take.

    python -m benchmarks.packed.profile_step --base FOLDER --lengths 256x8

Prints a table, and as the last line one JSON object. Seconds are self times of operators as
torch.profiler measures them, on one thread; it measures wall-clock time, so other work on the
machine adds to them. ``--steps module:function`` profiles something else: the function takes
settings and inputs, and returns a callable that makes a given number of steps.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch.profiler import ProfilerActivity
from torch.profiler import profile as record

from benchmarks.packed.figures import machine, versions
from benchmarks.packed.floor import Shape, floor, gemm_rate
from benchmarks.packed.steps import Steps, parse_lengths, write_data

KINDS: Mapping[str, tuple[str, ...]] = {
    "attention": ("scaled_dot_product", "flash_attention", "softmax", "aten::bmm"),
    "layer norm": ("layer_norm",),
    "gemm": ("aten::mm", "aten::addmm", "aten::baddbmm", "aten::addbmm", "aten::mkldnn_linear"),
    "elementwise": (
        *("aten::mul", "aten::add", "aten::sub", "aten::div", "aten::neg", "aten::pow"),
        *("aten::gelu", "aten::erf", "aten::exp", "aten::sin", "aten::cos", "aten::where"),
        *("aten::copy_", "aten::cat", "aten::masked_fill", "aten::fill_", "aten::zero_"),
        *("aten::to_mkldnn", "aten::_to_dense"),
        *("aten::sum", "aten::addcmul", "aten::addcdiv", "aten::clamp", "aten::index"),
    ),
}
"""Kinds of operators by the start of their names (attention, layer norm: by a part of them).

On a CPU only the unfused attention uses batched products.
"""

_SHOWN = 12


def profile(steps: Steps, few: int = 2, many: int = 8) -> tuple[dict[str, float], dict[str, float]]:
    """Seconds of one step, by kind of operator and by operator.

    The difference between a longer and a shorter run is used, so that work outside the steps, such
    as an evaluation, cancels.

    Args:
        steps: makes a given number of steps.
        few: steps of the shorter run.
        many: steps of the longer run.
    """
    steps(few)  # reads and allocates what is needed once
    short, long = _operators(steps, few), _operators(steps, many)
    each = {name: (long[name] - short[name]) / (many - few) for name in long}
    kinds = dict.fromkeys((*KINDS, "other"), 0.0)
    for name, seconds in each.items():
        kinds[kind(name)] += seconds
    return kinds, dict(sorted(each.items(), key=lambda item: -item[1]))


def kind(operator: str) -> str:
    """The kind of an operator.

    Example:
        >>> kind("aten::addmm"), kind("aten::native_layer_norm_backward"), kind("aten::empty")
        ('gemm', 'layer norm', 'other')
    """
    for name, parts in KINDS.items():
        inside = name in ("attention", "layer norm")
        if any(part in operator if inside else operator.startswith(part) for part in parts):
            return name
    return "other"


def _operators(steps: Steps, count: int) -> Counter[str]:
    with record(activities=[ProfilerActivity.CPU]) as recorded:
        steps(count)
    found: Counter[str] = Counter()
    for event in recorded.key_averages():
        found[event.key] += event.self_cpu_time_total / 1e6  # from microseconds
    return found


def measure(args: argparse.Namespace) -> dict[str, Any]:
    """All figures of one run."""
    lengths = parse_lengths(args.lengths)
    tokens = [length + 2 for length in lengths]
    settings = {
        "device": "cpu",
        "threads": 1,
        "train_metric_chains": 0,
        "batch_tokens": max(tokens) * len(tokens),  # all windows in each step
        "evaluate_every": 1.0,
        "targets": args.targets,
        "rank": args.rank,
        "compute_dtype": args.dtype,
    }
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        data.mkdir()
        write_data(data, lengths)
        places = {"data": str(data), "base": args.base, "cache": str(Path(folder) / "cache")}
        module, _, name = args.steps.partition(":")
        steps: Steps = getattr(importlib.import_module(module), name)(settings, places)
        kinds, operators = profile(steps, few=args.few, many=args.many)
        shape = Shape.of(places, settings)
    rate = gemm_rate(shape.hidden, sum(tokens), getattr(torch, args.dtype))
    return {
        "targets": args.targets,
        "rank": args.rank,
        "compute_dtype": args.dtype,
        "lengths": args.lengths,
        "tokens": sum(tokens),
        "seconds": round(sum(kinds.values()), 4),
        "kinds": {key: round(value, 4) for key, value in kinds.items()},
        "operators": {key: round(operators[key], 4) for key in list(operators)[:_SHOWN]},
        "gemm_gflops": round(rate / 1e9, 1),
        "floor": {key: round(value, 4) for key, value in floor(shape, tokens, rate).items()},
        **machine(),
        "versions": versions(),
    }


def rows(figures: Mapping[str, Any]) -> Iterator[str]:
    """A table of each kind, its share, and its lower bound if it has one."""
    whole, least = figures["seconds"], figures["floor"]
    yield "| kind | ms a step | share | floor, ms |"
    yield "|---|---|---|---|"
    for name, seconds in figures["kinds"].items():
        bound = f"{1000 * least[name]:.1f}" if name in least else ""
        yield f"| {name} | {1000 * seconds:.1f} | {seconds / whole:.0%} | {bound} |"
    floor_seconds = sum(least.values())
    over = f"{whole / floor_seconds:.2f} x floor"
    yield f"| all | {1000 * whole:.1f} | {over} | {1000 * floor_seconds:.1f} |"


def main() -> None:
    """Read the command line, measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--base", default="builtin:esm2-mini", help="as lorasweep run takes it")
    parser.add_argument("--lengths", default="256x8", help="residues of each window: 256x8,100")
    parser.add_argument("--targets", default="all-linear")
    parser.add_argument("--rank", type=int, default=8)
    parser.add_argument("--dtype", default="float32", help="of the products: float32, bfloat16")
    parser.add_argument("--few", type=int, default=2, help="steps of the shorter run")
    parser.add_argument("--many", type=int, default=8, help="steps of the longer run")
    parser.add_argument("--steps", default="benchmarks.packed.steps:through_objective")
    os.environ["OMP_NUM_THREADS"] = "1"
    torch.set_num_threads(1)
    figures = measure(parser.parse_args())
    print("\n".join(rows(figures)))
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
