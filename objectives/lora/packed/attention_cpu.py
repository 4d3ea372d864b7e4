"""Attention within one window on a CPU, by the implementation that is fastest for its dtype."""

from __future__ import annotations

from typing import Any

import torch
from torch.nn.functional import scaled_dot_product_attention
from torch.utils.checkpoint import checkpoint

from objectives.lora.packed.cpu import has_bfloat16

_SHORT = 48
"""Window length in tokens below which three calls cost more than the fused kernel."""

_KEPT = 2**23
"""Attention weights per window kept for the backward pass, 16 MiB; more are recomputed.

Keeping them saves a quarter of the time. The results are bitwise equal.
"""

_WRITTEN = 2**25
"""Attention weights per window above which the fused kernel is used: 64 MiB, scores as much."""


def stretch_on_cpu(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    *,
    attn_mask: torch.Tensor | None = None,
    scale: float,
) -> torch.Tensor:
    """Attend within one window.

    PyTorch's fused kernel is slow in bfloat16: up to eight times its time in float32. Separate
    products and softmax, as in the eager attention of ``transformers``, take half the time of the
    fused kernel in float32 on CPUs with bfloat16 instructions; in float32 they are slower than it.
    Measured by ``python -m benchmarks.packed.libraries``.

    Args:
        query: shape (1, heads, tokens, features); ``key`` and ``value`` alike.
        key: see ``query``.
        value: see ``query``.
        attn_mask: true where a query attends to a key, shape (tokens, tokens); None for everywhere.
        scale: factor on the scores.

    Returns:
        Shape (1, heads, tokens, features).
    """
    dtype = query.dtype
    probabilities = query.shape[1] * query.shape[2] ** 2
    fits = query.shape[2] >= _SHORT and probabilities <= _WRITTEN
    if fits and dtype == torch.bfloat16 and has_bfloat16():
        # Contiguous copies, so that results do not depend on neighbouring windows in memory.
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
    """Attention as two products and a softmax; shapes (heads, tokens, features)."""
    scores = torch.bmm(query if scale == 1 else query * scale, key.transpose(1, 2))
    if attn_mask is not None:
        scores = scores.masked_fill(~attn_mask, float("-inf"))
    return torch.bmm(torch.softmax(scores, dim=-1), value)
