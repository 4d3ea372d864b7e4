"""The fastest kernels for products and attention on this CPU, compared.

    python -m benchmarks.packed.libraries

One thread. Prints GFLOP/s of a product of ESM-2 8M's shapes in PyTorch's float32, in lorasweep's
float32, and in bfloat16. For windows of several lengths, 2 048 tokens in all, it prints the time of
attention, forward and backward, over that of PyTorch's fused kernel in float32. The last line is
one JSON object.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch.nn.functional import linear, scaled_dot_product_attention

from benchmarks.packed.figures import machine, versions
from benchmarks.shown import show
from objectives.lora.memory import keep_memory
from objectives.lora.packed.attention import written_out
from objectives.lora.packed.device import has_bfloat16, multiply, prefers_onednn

TOKENS = 2048
SHAPES = ((320, 320), (1280, 320), (320, 1280))
LENGTHS = (32, 64, 128, 250, 256, 400, 512, 1024)
HEADS, FEATURES = 20, 16
ROUNDS = 12


def fastest(ways: Mapping[str, Callable[[], object]]) -> dict[str, float]:
    """CPU seconds of each way, the smallest of several rounds taken in turns."""
    best = dict.fromkeys(ways, float("inf"))
    for _ in range(ROUNDS):
        for name, once in ways.items():
            started = time.process_time()
            once()
            best[name] = min(best[name], time.process_time() - started)
    return best


def products(outputs: int, inputs: int) -> dict[str, float]:
    """GFLOP/s of each way."""
    rows, weight = torch.randn(TOKENS, inputs), torch.randn(outputs, inputs)
    half_rows, half_weight = rows.bfloat16(), weight.bfloat16()
    found = fastest(
        {
            "float32": lambda: linear(rows, weight),
            "float32, ours": lambda: multiply(rows, weight),
            "bfloat16": lambda: linear(half_rows, half_weight),
        }
    )
    flop = 2 * TOKENS * outputs * inputs
    return {name: round(flop / seconds / 1e9, 1) for name, seconds in found.items()}


def attention(length: int) -> dict[str, float]:
    """Seconds of each way over those of the fused kernel in float32, and the latter in ms."""

    def way(dtype: torch.dtype, attend: Callable[..., torch.Tensor]) -> Callable[[], None]:
        shape = (1, HEADS, length, FEATURES)
        parts = [torch.randn(shape).to(dtype).requires_grad_() for _ in range(3)]
        gradient = torch.randn(shape).to(dtype)

        def once() -> None:
            for _ in range(TOKENS // length):
                torch.autograd.grad(attend(*parts, scale=0.25), parts, gradient)

        return once

    def written(
        query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, scale: float
    ) -> torch.Tensor:
        return written_out(query[0], key[0], value[0], scale)[None]

    found = fastest(
        {
            "fused, float32": way(torch.float32, scaled_dot_product_attention),
            "fused, bfloat16": way(torch.bfloat16, scaled_dot_product_attention),
            "written out, float32": way(torch.float32, written),
            "written out, bfloat16": way(torch.bfloat16, written),
        }
    )
    unit = found["fused, float32"]
    ratios = {name: round(seconds / unit, 2) for name, seconds in found.items()}
    return {"fused, float32, ms": round(1000 * unit, 1), **ratios}


def main() -> None:
    """Measure and print."""
    os.environ["OMP_NUM_THREADS"] = "1"
    torch.set_num_threads(1)
    keep_memory()
    figures: dict[str, Any] = {**machine(), "versions": versions()}
    figures["by oneDNN"], figures["has bfloat16"] = prefers_onednn(), has_bfloat16()
    for outputs, inputs in SHAPES:
        figures[f"{outputs} x {inputs}, GFLOP/s"] = products(outputs, inputs)
    for length in LENGTHS:
        figures[f"windows of {length}"] = attention(length)
    show(figures)


if __name__ == "__main__":
    main()
