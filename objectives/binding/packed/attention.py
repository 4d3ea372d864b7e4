"""Attention within each window of a flat pass, and never across."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch.nn.attention.varlen import varlen_attn
from torch.nn.functional import scaled_dot_product_attention
from transformers import AttentionInterface

from objectives.binding.packed.layout import Layout, current
from objectives.binding.packed.masks import kept
from objectives.binding.packed.stretch import stretch_on_cpu

NAME = "lorasweep-packed"
"""What the function below is called among the attention implementations of transformers."""

_HALF = (torch.float16, torch.bfloat16)


def packed_attention(  # noqa: PLR0913, PLR0917  # the signature that transformers calls
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    dropout: float = 0.0,
    scaling: float | None = None,
    **_: Any,
) -> tuple[torch.Tensor, None]:
    """Attend within each stretch of the layout under way.

    On a GPU in half precision by one flash kernel of variable lengths, else stretch by
    stretch, which on a CPU costs nothing: there a window is work enough.

    Args:
        module: the attention module, whose ``packed_path`` keys the masks of a dropout.
        query: shape (1, heads, tokens, features); ``key`` and ``value`` alike.
        key: see ``query``.
        value: see ``query``.
        attention_mask: None, as transformers makes no mask for an implementation it
            does not know.
        dropout: on attention probabilities, in a training step.
        scaling: factor on the products; 1 / sqrt(features) by default.

    Returns:
        Shape (1, tokens, heads, features), and no probabilities.
    """
    del attention_mask
    layout = current()
    scale = query.shape[-1] ** -0.5 if scaling is None else scaling
    if dropout and layout.shares[0].step:
        keys = _keys(layout, layout.run_of(str(module.packed_path)), query)
        return _dropping((query, key, value), scale, layout.lengths, keys, dropout), None
    if query.device.type == "cuda" and query.dtype in _HALF:
        borders = layout.borders(query.device)
        return _flash((query, key, value), scale, borders, max(layout.lengths)), None
    return _by_stretch((query, key, value), scale, layout.lengths), None


def _by_stretch(tensors: Sequence[torch.Tensor], scale: float, lengths: list[int]) -> torch.Tensor:
    """One call for each stretch."""
    attend = stretch_on_cpu if tensors[0].device.type == "cpu" else scaled_dot_product_attention
    parts = (tensor.split(lengths, dim=2) for tensor in tensors)
    with torch.autocast(tensors[0].device.type, enabled=False):
        mixed = [attend(q, k, v, scale=scale) for q, k, v in zip(*parts, strict=True)]
    return torch.cat(mixed, dim=2).transpose(1, 2)


def _flash(
    tensors: Sequence[torch.Tensor], scale: float, borders: torch.Tensor, longest: int
) -> torch.Tensor:
    """One kernel for all stretches."""
    query, key, value = (tensor[0].transpose(0, 1) for tensor in tensors)
    mixed: Any = varlen_attn(query, key, value, borders, borders, longest, longest, scale=scale)
    return torch.as_tensor(mixed)[None]


def _keys(layout: Layout, path: str, query: torch.Tensor) -> torch.Tensor:
    """Of the dropout masks, shape (heads, tokens)."""
    lanes, device = range(len(layout.shares)), query.device
    rows = [
        torch.cat([layout.keys_of(lane, f"{path}.{head}", device) for lane in lanes])
        for head in range(query.shape[1])
    ]
    return torch.stack(rows)


def _dropping(
    tensors: Sequence[torch.Tensor],
    scale: float,
    lengths: list[int],
    keys: torch.Tensor,
    dropout: float,
) -> torch.Tensor:
    """With probabilities at hand, to drop from: for bases that are trained so."""
    parts = (tensor[0].split(lengths, dim=1) for tensor in tensors)
    mixed = []
    for q, k, v, own in zip(*parts, keys.split(lengths, dim=1), strict=True):
        heads, length = own.shape
        keep = kept(own.reshape(-1), length, dropout).view(heads, length, length)
        shares = torch.softmax(q @ k.transpose(1, 2) * scale, dim=-1, dtype=torch.float32)
        mixed.append((shares * keep / (1 - dropout)).to(v.dtype) @ v)
    return torch.cat(mixed, dim=1).transpose(0, 1)[None]


AttentionInterface.register(NAME, packed_attention)
