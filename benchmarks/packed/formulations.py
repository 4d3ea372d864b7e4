"""Break-even of merged and unmerged LoRA products, for one lane and one matrix.

Usage::

    python -m benchmarks.packed.formulations

Prints, for matrices as in ESM-2 8M, 150M and 650M, process-CPU time of forward and backward merged
over unmerged, at tokens in units of outputs * inputs / (outputs + inputs). The last line is one
JSON object.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from types import SimpleNamespace

import torch
from torch import nn

from objectives.lora.memory import keep_memory
from objectives.lora.packed.lora_matmul import LaneOperands, LoraUpdate, lora_matmul

SHAPES = ((320, 320), (1280, 320), (320, 1280), (640, 640), (1280, 1280), (5120, 1280))
RANKS = (4, 8, 32)
UNITS = (0.25, 0.5, 1.0, 2.0, 4.0)


def passes(shape: tuple[int, int], rank: int, tokens: int, *, merged: bool) -> Callable[[], None]:
    """A function that runs one forward and backward pass."""
    outputs, inputs = shape
    weight = torch.randn(outputs, inputs)
    matrix = SimpleNamespace(dense=lambda: weight)
    a, b = nn.Parameter(torch.randn(rank, inputs)), nn.Parameter(torch.randn(rank, outputs))
    update = LoraUpdate(a, b, scale=2.0, dropout=0.0, merged=merged)
    operands = LaneOperands(matrix, torch.zeros(outputs), [(0, tokens)], [update], [None])
    x = torch.randn(tokens, inputs, requires_grad=True)
    gradient = torch.randn(tokens, outputs)

    def once() -> None:
        torch.autograd.grad(lora_matmul(x, operands), (x, a, b), gradient)

    return once


def ratio(shape: tuple[int, int], rank: int, tokens: int, rounds: int = 15) -> float:
    """The fastest merged pass over the fastest unmerged one, timed alternately."""
    both = [passes(shape, rank, tokens, merged=merged) for merged in (True, False)]
    best = [float("inf"), float("inf")]
    for _ in range(rounds):
        for which, once in enumerate(both):
            started = time.process_time()
            once()
            best[which] = min(best[which], time.process_time() - started)
    return best[0] / best[1]


def main() -> None:
    """Print the table."""
    torch.set_num_threads(1)
    keep_memory()
    rows = []
    for outputs, inputs in SHAPES:
        unit = outputs * inputs / (outputs + inputs)
        for rank in RANKS:
            found = {
                units: round(ratio((outputs, inputs), rank, int(units * unit)), 3)
                for units in UNITS
            }
            print(f"{outputs:5d} x {inputs:4d}  rank {rank:2d}  {found}", flush=True)
            rows.append({"outputs": outputs, "inputs": inputs, "rank": rank, "ratios": found})
    print(json.dumps({"benchmark": "formulations", "unit": "merged / unmerged", "rows": rows}))


if __name__ == "__main__":
    main()
