"""Resolved compute settings of a study on this machine: compute dtype and base weights."""

from __future__ import annotations

import time
from typing import Any

import torch
from transformers import PreTrainedModel

from objectives.lora.base.load import Precision, head_modules
from objectives.lora.memory import keep_memory
from objectives.lora.packed.base_weight import choose
from objectives.lora.packed.device import multiply
from objectives.lora.settings import BindingSettings
from objectives.lora.target_modules import encoder_linears
from sweep.errors import SpecError, fault

_TOKENS = 2048
_SECONDS = 0.05
_LEAST = 4
_WORTH = 1.5
"""Relative speed of bfloat16 products from which a CPU uses bfloat16. CPUs without instructions
for it measure 0.1 to 1, CPUs with them 2 and more, where a trial takes 0.5 to 0.8 of the time."""


def compute_choice(
    settings: BindingSettings, skeleton: PreTrainedModel, precision: Precision
) -> dict[str, Any]:
    """Resolve the settings that are ``auto``, with the measurements behind the choice.

    Args:
        settings: the study's.
        skeleton: the base; its weights may be on the meta device.
        precision: device, compute dtype and quantisation of the trials.

    Returns:
        ``base_weights``: storage of the base; ``dequantised_bytes``: size of its dequantised
        weights; ``compute_dtype``: name of the dtype; and on a CPU ``bfloat16_speed``: speed of
        bfloat16 products relative to float32.

    Raises:
        SpecError: if the base has no linear layers to adapt.
    """
    linears = encoder_linears(skeleton, head_modules(skeleton))
    if not linears:  # e.g. GPT-2, which uses a class of its own
        rule = "have linear layers (torch.nn.Linear), which LoRA adapts"
        way_out = "Give an ESM-2 or another encoder"
        raise SpecError(fault("base", rule, type(skeleton).__name__, way_out=way_out))
    found: dict[str, Any] = {}
    dtype = precision.dtype_name
    if precision.device.type == "cpu":
        widest = max(linears.values(), key=lambda linear: linear.out_features)
        speed = bfloat16_speed(widest.out_features, widest.in_features)
        found["bfloat16_speed"] = round(speed, 1)
        if settings.compute_dtype == "auto" and speed >= _WORTH:
            dtype = "bfloat16"
    size = torch.empty((), dtype=getattr(torch, dtype)).element_size()
    whole = set(getattr(skeleton, "_keep_in_fp32_modules", None) or ())  # not quantised: T5's wo
    parts = [linear for path, linear in linears.items() if whole.isdisjoint(path.split("."))]
    needed = size * sum(linear.in_features * linear.out_features for linear in parts)
    quantised = precision.quantization == "nf4"
    return {
        "base_weights": choose(settings.base_weights, needed if quantised else 0, precision.device),
        "dequantised_bytes": needed,
        "compute_dtype": dtype,
        **found,
    }


def bfloat16_speed(outputs: int, inputs: int) -> float:
    """Speed of bfloat16 matrix products relative to float32, both computed as trials do.

    Measured, because it cannot be predicted: 0.2 on one server, 2 on another. A study measures it
    once, on the machine that begins it, so that all its trials use the same dtype.

    Args:
        outputs: rows of the weight.
        inputs: columns of the weight.
    """
    keep_memory()  # as trials do: else page faults dominate the time
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # process time would include threads that wait for each other
    try:
        float32, bfloat16 = (
            _seconds(torch.ones(_TOKENS, inputs).to(dtype), torch.ones(outputs, inputs).to(dtype))
            for dtype in (torch.float32, torch.bfloat16)
        )
    finally:
        torch.set_num_threads(threads)
    return float32 / bfloat16


def _seconds(x: torch.Tensor, weight: torch.Tensor) -> float:
    """CPU seconds of a product, the minimum of several."""
    multiply(x, weight)  # warm-up
    took: list[float] = []
    while len(took) < _LEAST or sum(took) < _SECONDS:
        started = time.process_time()
        multiply(x, weight)
        took.append(time.process_time() - started)
    return min(took)
