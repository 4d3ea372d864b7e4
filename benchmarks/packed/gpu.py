"""Trials per hour on a GPU by how many train together, beside HF Trainer in the same run.

    python -m benchmarks.packed.gpu --data FOLDER --base FOLDER [--shape 650M]

Both sides train the same trials on the same windows and evaluate after each epoch. *ours* trains K
trials in one pass; *in process* runs Trainer for one trial after the other in one process, without
counting its start and loading; *process* runs a new process per trial, counted in full. ``--shape``
uses random weights of another size of ESM-2. Prints a table, and as the last line one JSON object.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

import torch
from transformers import AutoConfig, AutoModelForTokenClassification, AutoTokenizer

from benchmarks.packed.figures import machine, versions
from benchmarks.packed.gpu_sides import Sides, clock
from benchmarks.packed.variants import VARIANTS
from benchmarks.packed.work import Size, Work

Figures = dict[str, Any]
LANES = (1, 4, 16, 32, 64)
SHAPES = {"8M": (6, 320), "35M": (12, 480), "150M": (30, 640), "650M": (33, 1280)}
"""Layers and width of ESM-2 models; all have 20 heads."""

_SIDE = {"cuda": 8192, "cpu": 512}
_TRIES = 20


def write_random(base: str, shape: str, folder: Path) -> str:
    """Save random weights of another size, with the tokenizer of a base model."""
    layers, width = SHAPES[shape]
    config = AutoConfig.from_pretrained(
        base,
        num_hidden_layers=layers,
        hidden_size=width,
        intermediate_size=4 * width,
        num_attention_heads=20,
    )
    AutoModelForTokenClassification.from_config(config).save_pretrained(folder)
    AutoTokenizer.from_pretrained(base).save_pretrained(folder)
    return str(folder)


def roof(device: torch.device, dtype: torch.dtype) -> float:
    """FLOP per second of a large square matrix product."""
    side = _SIDE[device.type]
    left, right = (torch.randn(side, side, device=device).to(dtype) for _ in range(2))
    best = float("inf")
    for _ in range(_TRIES):
        started = clock(device)
        torch.mm(left, right)
        best = min(best, clock(device) - started)
    return 2 * side**3 / best


def measure(sides: Sides, work: Work, device: torch.device, args: argparse.Namespace) -> Figures:
    """All figures: lorasweep by number of lanes, Trainer by variant, and their ratios."""
    dtype = getattr(torch, str(work.settings["compute_dtype"]))
    rate = roof(device, dtype)
    ours = {}
    for lanes in args.lanes:
        ours[lanes] = sides.ours(lanes)
        ours[lanes]["share_of_roof"] = ours[lanes]["flop_per_second"] / rate
        print(shown(f"ours, {lanes}", ours[lanes]), flush=True)
    rivals: dict[str, Figures] = {}
    for way, run in (("in process", sides.in_process), ("process", sides.process)):
        for name in getattr(args, way.replace(" ", "_")):
            rivals[f"{way}, {name}"] = found = run(name, args.trials)
            print(shown(f"{way}, {name}", found), flush=True)
    fastest = min(ours.values(), key=lambda found: found["seconds_per_trial"])
    ratios = {
        name: round(found["seconds_per_trial"] / fastest["seconds_per_trial"], 2)
        for name, found in rivals.items()
    }
    first, last = args.lanes[0], args.lanes[-1]
    grown = ours[last]["peak_bytes"] - ours[first]["peak_bytes"]
    return {
        **machine(),
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu",
        "versions": versions(),
        "work": work.about(),
        "shape": args.shape,
        "roof_flop_per_second": rate,
        "ours": ours,
        "bytes_per_lane": grown / max(1, last - first),
        "rivals": rivals,
        "ratios": ratios,
    }


def shown(name: str, found: Figures) -> str:
    """A row of the table."""
    cells = [f"{found['seconds_per_trial']:.3g} s", f"{found['per_hour']:.0f}/h"]
    if "peak_bytes" in found:
        cells += [f"{found['peak_bytes'] / 2**30:.2f} GiB", f"{found['share_of_roof']:.1%}"]
    cells.append(f"{sum(found['mcc']) / len(found['mcc']):.3f}")
    return f"| {' | '.join([name, *cells])} |"


def main() -> None:
    """Read the command line, measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", help="as lorasweep run takes it; default: embedded motifs")
    parser.add_argument("--base", help="a folder; default: the embedded mini base")
    parser.add_argument("--shape", choices=SHAPES, help="random weights, with --base's tokenizer")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--lanes", type=numbers, default=LANES, help="of ours, rising")
    parser.add_argument("--in-process", type=names, default=("best-bf16", "best-bf16-grouped"))
    parser.add_argument("--process", type=names, default=("stock", "best-bf16"))
    parser.add_argument("--trials", type=int, default=2, help="of each rival")
    parser.add_argument("--train-chains", type=int, default=400)
    parser.add_argument("--validation-chains", type=int, default=100)
    parser.add_argument("--epochs", type=int, default=2)
    args = parser.parse_args()
    if args.shape and not args.base:
        parser.error("--shape needs --base, for its tokenizer and architecture")
    device = torch.device(args.device)
    size = Size(args.train_chains, args.validation_chains, args.epochs)
    with tempfile.TemporaryDirectory() as folder:
        places = {k: v for k, v in (("data", args.data), ("base", args.base)) if v}
        if args.shape:
            places["base"] = write_random(args.base, args.shape, Path(folder) / args.shape)
        work = Work(size, places, Path(folder), args.device)
        print("| side | per trial | trials | peak | of the roof | mean MCC |")
        print("|---|---|---|---|---|---|")
        figures = measure(Sides(work, device), work, device, args)
    print(json.dumps(figures))


def numbers(text: str) -> tuple[int, ...]:
    """Integers, from ``1,4,16``."""
    return tuple(int(part) for part in text.split(","))


def names(text: str) -> tuple[str, ...]:
    """Trainer variants, from ``stock,best``; none from an empty text."""
    found = tuple(part for part in text.split(",") if part)
    unknown = [name for name in found if name not in VARIANTS]
    if unknown:
        raise argparse.ArgumentTypeError(f"{unknown}: take any of {', '.join(VARIANTS)}")
    return found


if __name__ == "__main__":
    main()
