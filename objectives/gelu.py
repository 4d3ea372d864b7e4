"""Replace the GELU of transformers' ESM, five passes over memory, with PyTorch's fused one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn
from transformers.models.esm import modeling_esm


@contextmanager
def fused_gelu() -> Iterator[None]:
    """Make ESM use PyTorch's fused GELU within the block: equal to 1e-6, and much faster."""
    original = modeling_esm.gelu
    modeling_esm.gelu = nn.functional.gelu
    try:
        yield
    finally:
        modeling_esm.gelu = original
