"""What this machine's CPU is good at, by what it is and never by a clock.

A trial's bits must not hang on how busy a machine was when it began.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import torch


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
