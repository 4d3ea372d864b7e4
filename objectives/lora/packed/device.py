"""What the host computed, brought to where the model is."""

from __future__ import annotations

from typing import Any

import torch
from numpy.typing import NDArray


def to_device(array: NDArray[Any], device: torch.device) -> torch.Tensor:
    """Copy to a device, a GPU without waiting for it.

    Out of ordinary memory a copy to a GPU first waits for all that was asked of it before; out of
    page-locked memory it is one more thing asked. PyTorch keeps that memory until it was read.

    Args:
        array: any shape; not to be changed after.
        device: where to.

    Returns:
        The same numbers there; on a CPU the same memory.
    """
    tensor = torch.from_numpy(array)
    if device.type != "cuda":
        return tensor.to(device)
    return tensor.pin_memory().to(device, non_blocking=True)
