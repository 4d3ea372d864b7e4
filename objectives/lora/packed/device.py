"""Asynchronous copies from the host to the model's device."""

from __future__ import annotations

from typing import Any

import torch
from numpy.typing import NDArray


def to_device(array: NDArray[Any], device: torch.device) -> torch.Tensor:
    """Copy an array to a device; to a GPU without synchronising.

    A copy from pageable memory waits for all queued kernels; one from page-locked memory is
    queued behind them. PyTorch keeps the page-locked memory until the copy is done.

    Args:
        array: any shape; must not be modified afterwards.
        device: the target device.

    Returns:
        A tensor of the same shape and dtype; on a CPU it shares the array's memory.
    """
    tensor = torch.from_numpy(array)
    if device.type != "cuda":
        return tensor.to(device)
    return tensor.pin_memory().to(device, non_blocking=True)
