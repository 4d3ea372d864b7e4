"""What this machine's CPU is good at, by what it is and never by a clock.

A trial's bits must not hang on how busy a machine was when it began.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import torch
from torch.nn.functional import linear


@cache
def prefers_onednn() -> bool:
    """Whether float32 products are faster by oneDNN than by MKL, which PyTorch takes.

    MKL leaves AMD's AVX-512 alone. On a Zen 5 that is less than half the speed, on a Zen 4 it
    was 5 to 15 % less. ``python -m benchmarks.packed.libraries`` measures it.
    """
    known = _capabilities()
    amd = "AMD" in str(known.get("cpu_name", ""))
    return amd and bool(known.get("avx512_f")) and torch.backends.mkldnn.is_available()


@cache
def has_bfloat16() -> bool:
    """Whether there are instructions for products in bfloat16."""
    known = _capabilities()
    return any(bool(known.get(name)) for name in ("avx512_bf16", "amx_bf16"))


def _capabilities() -> dict[str, Any]:
    """What PyTorch says of the CPU; nothing where it is too old to say."""
    ask: Any = getattr(torch.cpu, "get_capabilities", dict)
    return dict(ask())


def multiply(
    rows: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None = None
) -> torch.Tensor:
    """``rows @ weight.t() + bias``; autograd does not see into it.

    PyTorch multiplies float32 by MKL and bfloat16 by oneDNN. A tensor in oneDNN's own layout is
    how to ask for the other; the copies there and back cost a tenth of what it saves.

    Args:
        rows: shape (places, inputs).
        weight: shape (outputs, inputs), transposed or not.
        bias: shape (outputs,), or None.

    Returns:
        Shape (places, outputs).
    """
    wide = rows.device.type == "cpu" and rows.dtype == torch.float32
    if not (wide and len(rows) and prefers_onednn()):
        return linear(rows, weight, bias)
    its = None if bias is None else bias.to_mkldnn()
    return linear(rows.to_mkldnn(), weight.to_mkldnn(), its).to_dense()
