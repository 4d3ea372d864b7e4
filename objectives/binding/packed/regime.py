"""How this machine will compute a study's trials, for people to read beforehand."""

from __future__ import annotations

import time
from typing import Any

import torch
from torch import nn
from transformers import PreTrainedModel

from objectives.binding.base import Precision, head_modules
from objectives.binding.packed.frozen import choose
from objectives.binding.settings import BindingSettings
from objectives.binding.targets import encoder_linears

_TOKENS = 2048
_SECONDS = 0.05


def regime(
    settings: BindingSettings, skeleton: PreTrainedModel, precision: Precision
) -> dict[str, Any]:
    """What was chosen, and what it was chosen by.

    Args:
        settings: the study's.
        skeleton: the base, whose weights may be on the meta device.
        precision: where it will live and in what numbers compute.

    Returns:
        ``base_weights``: how the base is kept, ``dequantised_bytes``: what it takes so,
        ``compute_dtype``, and ``bfloat16_speed``: products per second in bfloat16 over those in
        float32, on a CPU.
    """
    linears = encoder_linears(skeleton, head_modules(skeleton))
    size = torch.empty((), dtype=precision.compute_dtype).element_size()
    needed = size * sum(linear.in_features * linear.out_features for linear in linears.values())
    quantised = precision.quantization == "nf4"
    found = {
        "base_weights": choose(settings.base_weights, needed if quantised else 0, precision.device),
        "dequantised_bytes": needed,
        "compute_dtype": str(precision.compute_dtype).removeprefix("torch."),
    }
    if precision.device.type == "cpu":
        widest = max(linears.values(), key=lambda linear: linear.out_features)
        found["bfloat16_speed"] = round(bfloat16_speed(widest.out_features, widest.in_features), 1)
    return found


def bfloat16_speed(outputs: int, inputs: int) -> float:
    """How many times as fast as in float32 a product is in bfloat16.

    Measured, since no recipe knows: 0.2 on one server, 2.6 on another. A CPU computes in
    float32 unless asked otherwise all the same: a step gains less than its products do, and
    a study whose machines chose for themselves would mix two kinds of numbers.

    Args:
        outputs: of the matrix.
        inputs: of the matrix.
    """
    seconds = []
    for dtype in (torch.float32, torch.bfloat16):
        x = torch.ones(_TOKENS, inputs, dtype=dtype)
        weight = torch.ones(outputs, inputs, dtype=dtype)
        nn.functional.linear(x, weight)  # the first call prepares
        best, until = float("inf"), time.perf_counter() + _SECONDS
        while time.perf_counter() < until:
            started = time.process_time()
            nn.functional.linear(x, weight)
            best = min(best, time.process_time() - started)
        seconds.append(best)
    return seconds[0] / seconds[1]
