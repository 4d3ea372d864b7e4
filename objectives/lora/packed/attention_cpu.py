"""Attention within one window on a CPU, by the way that is fastest for its kind of numbers."""

from __future__ import annotations

from typing import Any

import torch
from torch.nn.functional import scaled_dot_product_attention
from torch.utils.checkpoint import checkpoint

from objectives.lora.packed.cpu import has_bfloat16

_SHORT = 48
"""Tokens of a window below which three calls cost more than the fused one."""

_KEPT = 2**23
"""Probabilities of a window that are kept for the backward pass, 16 MiB; more are computed again.

Keeping saves a quarter of the time. The bits are the same.
"""

_WRITTEN = 2**25
"""Probabilities of a window that are written out at all, 64 MiB and their scores as much."""


def stretch_on_cpu(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    *,
    attn_mask: torch.Tensor | None = None,
    scale: float,
) -> torch.Tensor:
    """Attend within one window.

    PyTorch's fused kernel is slow in bfloat16: up to eight times its time in float32. Products and
    softmax written out, as ``transformers`` does in its eager attention, take half the time of the
    fused kernel in float32 where the CPU multiplies bfloat16; in float32 they take longer than it.
    Measured by ``python -m benchmarks.packed.libraries``.

    Args:
        query: shape (1, heads, tokens, features); ``key`` and ``value`` alike.
        key: see ``query``.
        value: see ``query``.
        attn_mask: who attends to whom, booleans of shape (tokens, tokens); None for all to all.
        scale: factor on the products.

    Returns:
        The same shape.
    """
    dtype = query.dtype
    probabilities = query.shape[1] * query.shape[2] ** 2
    fits = query.shape[2] >= _SHORT and probabilities <= _WRITTEN
    if fits and dtype == torch.bfloat16 and has_bfloat16():
        # Copies, so that no product's bits can hang on what lies beside the window.
        q, k, v = query[0].contiguous(), key[0].contiguous(), value[0].contiguous()
        if probabilities <= _KEPT or not torch.is_grad_enabled():
            return written_out(q, k, v, scale, attn_mask)[None]
        mixed: Any = checkpoint(written_out, q, k, v, scale, attn_mask, use_reentrant=False)
        return torch.as_tensor(mixed)[None]
    wide = torch.promote_types(dtype, torch.float32)
    q, k, v = query.to(wide), key.to(wide), value.to(wide)
    mixed = scaled_dot_product_attention(q, k, v, attn_mask=attn_mask, scale=scale)
    return mixed.to(dtype)


def written_out(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    scale: float,
    attn_mask: torch.Tensor | None = None,
) -> torch.Tensor:
    """The formula itself; shapes (heads, tokens, features)."""
    scores = torch.bmm(query if scale == 1 else query * scale, key.transpose(1, 2))
    if attn_mask is not None:
        scores = scores.masked_fill(~attn_mask, float("-inf"))
    return torch.bmm(torch.softmax(scores, dim=-1), value)
