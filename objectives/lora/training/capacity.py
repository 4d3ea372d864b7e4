"""The number of lanes that fit in a GPU's memory, extrapolated from one and two."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from objectives.data.prepare.windows import Windows
from objectives.lora.adapter_config import AdapterConfig
from objectives.lora.memory import free_bytes, peak_memory_bytes, reset_peak
from objectives.lora.packed.lane_parameters import Adapters
from objectives.lora.packed.layout import LaneBatch
from objectives.lora.packed.model import PackedModel
from objectives.lora.settings import BindingSettings

MOST = 64  # maximum number of lanes; more do not increase a GPU's utilisation
_ROOM = 0.8  # share of the free memory to use; the rest is for the allocator's fragmentation
RANK = 32  # of the adapters that are measured

_UPDATE = 5
"""Memory of an optimiser step in multiples of the parameters: moments, gradient, scratch space,
and the copy that passes multiply by."""


def lanes_that_fit(free: int, one: int, two: int) -> int:
    """The number of lanes that fit in memory, extrapolated linearly from one and two.

    Args:
        free: bytes free with the base loaded and no lane.
        one: peak bytes of a step of one lane.
        two: peak bytes of a step of two lanes.

    Returns:
        From 1 to ``MOST``.
    """
    each = max(two - one, 1)
    shared = max(one - each, 0)
    return max(1, min(MOST, (int(_ROOM * free) - shared) // each))


def measured_lanes(
    model: PackedModel, windows: Windows, settings: BindingSettings, *, checkpointing: bool = False
) -> int:
    """Measure the peak memory of a step with one and with two lanes, and extrapolate.

    The lanes have adapters of rank ``RANK`` on all linear layers and the longest windows.

    Args:
        model: without lanes.
        windows: the training windows.
        settings: the study's, for ``batch_tokens``.
        checkpointing: whether the lanes use gradient checkpointing.

    Returns:
        Number of lanes that fit, from 1 to ``MOST``.
    """
    device = model.precision.device
    free, before = free_bytes(device), peak_memory_bytes(device)
    config = AdapterConfig(RANK, RANK, "all", tuple(model.linears))
    tokens = settings.batch_tokens
    lanes = [model.add_lane(config, seed, tokens, checkpointing=checkpointing) for seed in (0, 1)]
    batch = _longest(windows, settings.batch_tokens)
    took = []
    try:
        for count in (1, 2):
            reset_peak(device)
            _pass(model, lanes[:count], windows, batch)
            updated = _UPDATE * count * _parameter_bytes(lanes[0])
            took.append(peak_memory_bytes(device) - before + updated)
    finally:
        for lane in lanes:
            model.remove_lane(lane)
    return lanes_that_fit(free, *took)


def _longest(windows: Windows, budget: int) -> list[int]:
    """Indices of the longest windows that fit in a step, which takes the most memory."""
    order = sorted(range(len(windows)), key=lambda i: -len(windows.input_ids[i]))
    batch, tokens = order[:1], len(windows.input_ids[order[0]])
    for index in order[1:]:
        tokens += len(windows.input_ids[index])
        if tokens > budget:
            break
        batch.append(index)
    return batch


def _pass(
    model: PackedModel, lanes: Sequence[Adapters], windows: Windows, batch: Sequence[int]
) -> None:
    made = model.logits([LaneBatch(lane, windows, batch, 1) for lane in lanes])
    torch.autograd.backward([logits.square().mean() for logits in made])
    for lane in lanes:
        model.zero_grad(lane)


def _parameter_bytes(lane: Adapters) -> int:
    return sum(parameter.nbytes for parameter in lane.named().values())
