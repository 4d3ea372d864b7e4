"""Which formulation a lane's products take, by a rule that was measured.

The rule reads nothing but the lane, the matrix and the device, so that a trial's numbers are
the same in any pack and after any interruption.
"""

from __future__ import annotations

import math

import torch

_BREAK_EVEN = 1.0
"""Tokens from which merging pays, in units of outputs * inputs / (outputs + inputs).

Merging writes a copy of the matrix, outputs * inputs numbers; keeping the update apart reads
and writes tokens * (outputs + inputs) numbers more. ``python -m benchmarks.packed.formulations``
measures the break-even at one unit, for all shapes and ranks; a step gains up to 5 %.
"""

_LARGEST = 2**20
"""Numbers in a matrix above which the gain, then below 2 %, is not worth a copy per lane."""


def merges(
    shape: tuple[int, int],
    *,
    tokens: int,
    dropout: float,
    dtype: torch.dtype,
    device: torch.device,
) -> bool:
    """Whether a lane's update of a matrix is merged into a copy of it.

    Args:
        shape: of the matrix, (outputs, inputs).
        tokens: tokens of the lane's step, by its settings.
        dropout: on the update's input, which a merged product cannot drop.
        dtype: of the products; in half precision a merged weight is rounded as PEFT's is not.
        device: of the products; on a GPU all lanes are multiplied at once.
    """
    if device.type != "cpu" or dtype != torch.float32 or dropout or math.prod(shape) > _LARGEST:
        return False
    outputs, inputs = shape
    return tokens >= _BREAK_EVEN * outputs * inputs / (outputs + inputs)
