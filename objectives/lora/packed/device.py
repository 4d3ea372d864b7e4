"""Copies to the model's device, and matrix products by the library that suits a CPU.

The library follows from the CPU's capabilities, never from timing: a trial's results must not
depend on the machine's load when it started.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import torch
from numpy.typing import NDArray
from torch.nn.functional import linear


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


@cache
def prefers_onednn() -> bool:
    """Whether float32 products are faster by oneDNN than by MKL, PyTorch's default.

    MKL does not use AVX-512 on AMD CPUs: less than half of oneDNN's speed on a Zen 5, 5 to 15 %
    less on a Zen 4. Measured by ``python -m benchmarks.packed.libraries``.
    """
    known = _capabilities()
    amd = "AMD" in str(known.get("cpu_name", ""))
    return amd and bool(known.get("avx512_f")) and torch.backends.mkldnn.is_available()


@cache
def has_bfloat16() -> bool:
    """Whether the CPU has instructions for bfloat16 products."""
    known = _capabilities()
    return any(bool(known.get(name)) for name in ("avx512_bf16", "amx_bf16"))


def _capabilities() -> dict[str, Any]:
    """The CPU's capabilities as PyTorch reports them; empty in versions that do not."""
    ask: Any = getattr(torch.cpu, "get_capabilities", dict)
    return dict(ask())


def multiply(
    rows: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None = None
) -> torch.Tensor:
    """``rows @ weight.t() + bias`` by the fastest library, for use without autograd.

    PyTorch multiplies float32 by MKL and bfloat16 by oneDNN. Converting tensors to oneDNN's layout
    selects oneDNN; the conversions cost a tenth of the time saved.

    Args:
        rows: shape (places, inputs).
        weight: shape (outputs, inputs), contiguous or a transposed view.
        bias: shape (outputs,), or None.

    Returns:
        Shape (places, outputs).
    """
    wide = rows.device.type == "cpu" and rows.dtype == torch.float32
    if not (wide and len(rows) and prefers_onednn()):
        return linear(rows, weight, bias)
    its = None if bias is None else bias.to_mkldnn()
    return linear(rows.to_mkldnn(), weight.to_mkldnn(), its).to_dense()
