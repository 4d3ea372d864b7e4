"""PyTorch's GELU for ESM, which writes its own in five passes over memory."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn
from transformers.models.esm import modeling_esm


@contextmanager
def fused_gelu() -> Iterator[None]:
    """Let ESM use PyTorch's one-pass GELU for a while: the same to 1e-6, and much faster."""
    original = modeling_esm.gelu
    modeling_esm.gelu = nn.functional.gelu
    try:
        yield
    finally:
        modeling_esm.gelu = original
