"""Block-diagonal attention: within each window of a flat sequence, never across windows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch.nn.attention.varlen import varlen_attn
from torch.nn.functional import scaled_dot_product_attention
from torch.utils.checkpoint import checkpoint
from transformers import AttentionInterface

from objectives.lora.packed.device import has_bfloat16
from objectives.lora.packed.dropout_hash import kept
from objectives.lora.packed.layout import Layout, current
from sweep.errors import SpecError, fault

_SHORT = 48  # window length in tokens below which three calls cost more than the fused kernel
_KEPT = 2**23
"""Attention weights per window kept for the backward pass, 16 MiB; more are recomputed.

Keeping them saves a quarter of the time. The results are bitwise equal.
"""

_WRITTEN = 2**25  # attention weights per window above which the fused kernel is used: 64 MiB


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
    return torch.bmm(torch.softmax(_masked(scores, attn_mask), dim=-1), value)


def _masked(scores: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
    """The scores with minus infinity where a mask is false."""
    return scores if mask is None else scores.masked_fill(~mask, float("-inf"))


ANY = -1  # no limit, in the notation of flash kernels


@dataclass(frozen=True)
class Reach:
    """How many tokens before and after itself a token attends to; ``ANY`` for no limit."""

    before: int = ANY  # number of tokens before it
    after: int = ANY  # number of tokens after it

    @classmethod
    def of(cls, sliding_window: int | None, *, causal: bool) -> Reach:
        """Convert the arguments of transformers' attention functions.

        Args:
            sliding_window: attention distance, the token itself included; None for no limit.
            causal: whether no later token is attended to.
        """
        near = ANY if sliding_window is None else sliding_window - 1
        return cls(near, 0 if causal else near)

    @property
    def all(self) -> bool:
        """Whether every token attends to every other."""
        return self.before == ANY and self.after == ANY

    def mask(self, length: int, device: torch.device) -> torch.Tensor | None:
        """The attention mask of a window of ``length`` tokens.

        Returns:
            Booleans of shape (length, length), query by key, true where a query attends to a
            key; None if true everywhere.
        """
        if all(side == ANY or side >= length - 1 for side in (self.before, self.after)):
            return None
        places = torch.arange(length, device=device)
        later = places[None, :] - places[:, None]
        keep = later.new_ones(later.shape, dtype=torch.bool)
        if self.before != ANY:
            keep &= later >= -self.before
        if self.after != ANY:
            keep &= later <= self.after
        return keep


EVERYWHERE = Reach()  # unrestricted attention in both directions

NAME = "lorasweep-packed"  # name under which ``packed_attention`` is registered with transformers
_HALF = (torch.float16, torch.bfloat16)
_NO_PART = ("position_ids", "cache_position", "use_cache", "deterministic")
"""Arguments that are ignored: positions are already applied to queries and keys, there is no
incremental decoding, and ``deterministic`` selects a backward kernel of flash-attn."""


def packed_attention(  # noqa: PLR0913, PLR0917  # the signature that transformers calls
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    dropout: float = 0.0,
    scaling: float | None = None,
    sliding_window: int | None = None,
    is_causal: bool | None = None,  # noqa: FBT001
    **others: Any,
) -> tuple[torch.Tensor, None]:
    """Attend within each segment (window or padding tail) of the current pass's layout.

    On a GPU in half precision by one variable-length flash kernel, else by one call per segment,
    which costs nothing on a CPU. Masking arguments are interpreted as by the flash attention of
    transformers, which gets no mask either.

    Args:
        module: the attention module; its ``packed_path`` keys the dropout masks.
        query: shape (1, heads, tokens, features).
        key: shape (1, heads, tokens, features), or fewer heads (grouped-query attention).
        value: see ``key``.
        attention_mask: None: transformers makes no mask for an implementation it does not know.
        dropout: probability on the attention weights, applied in training steps.
        scaling: factor on the scores; 1 / sqrt(features) by default.
        sliding_window: attention distance, the token itself included; None for no limit.
        is_causal: whether to attend to earlier tokens only; the module's ``is_causal`` by default.
        others: refused unless None, False or in ``_NO_PART``.

    Returns:
        Shape (1, tokens, heads, features), and None in place of the attention weights.

    Raises:
        SpecError: if the model passes an argument that is not supported.
    """
    _refuse({"attention_mask": attention_mask, **others})
    layout = current().layout
    scale = query.shape[-1] ** -0.5 if scaling is None else scaling
    causal = getattr(module, "is_causal", True) if is_causal is None else is_causal
    reach = Reach.of(sliding_window, causal=bool(causal))
    groups = query.shape[1] // key.shape[1]
    if groups > 1:
        key, value = (each.repeat_interleave(groups, dim=1) for each in (key, value))
    tensors = query, key, value
    if dropout and layout.shares[0].step:
        keys = _keys(layout, layout.run_of(str(module.packed_path)), query)
        return _dropping(tensors, scale, layout.lengths, reach, keys, dropout), None
    if query.device.type == "cuda" and query.dtype in _HALF:
        borders = layout.cu_seqlens(query.device)
        return _flash(tensors, scale, borders, max(layout.lengths), reach), None
    return _by_stretch(tensors, scale, layout.lengths, reach), None


def _refuse(asked: dict[str, Any]) -> None:
    """Raise ``SpecError`` for arguments of the model that are not supported here."""
    for name, value in asked.items():
        if value is None or value is False or name in _NO_PART:
            continue
        shown = f"shape {tuple(value.shape)}" if isinstance(value, torch.Tensor) else repr(value)
        rule = "ask of attention a scale, dropout, a sliding window or causality alone"
        way_out = "Give a base of another architecture, such as ESM-2"
        raise SpecError(fault("base", rule, f"{name} ({shown})", way_out=way_out))


def _by_stretch(
    tensors: Sequence[torch.Tensor], scale: float, lengths: list[int], reach: Reach = EVERYWHERE
) -> torch.Tensor:
    """Attention by one call per segment."""
    device = tensors[0].device
    attend = stretch_on_cpu if device.type == "cpu" else scaled_dot_product_attention
    parts = zip(*(tensor.split(lengths, dim=2) for tensor in tensors), lengths, strict=True)
    with torch.autocast(device.type, enabled=False):
        mixed = [
            attend(q, k, v, attn_mask=reach.mask(length, device), scale=scale)
            for q, k, v, length in parts
        ]
    return torch.cat(mixed, dim=2).transpose(1, 2)


def _flash(
    tensors: Sequence[torch.Tensor],
    scale: float,
    borders: torch.Tensor,
    longest: int,
    reach: Reach = EVERYWHERE,
) -> torch.Tensor:
    """Attention by one variable-length kernel for all segments."""
    query, key, value = (tensor[0].transpose(0, 1) for tensor in tensors)
    window: dict[str, Any] = {} if reach.all else {"window_size": (reach.before, reach.after)}
    mixed: Any = varlen_attn(
        query, key, value, borders, borders, longest, longest, scale=scale, **window
    )
    return torch.as_tensor(mixed)[None]


def _keys(layout: Layout, path: str, query: torch.Tensor) -> torch.Tensor:
    """Keys of the dropout masks, shape (heads, tokens)."""
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
    reach: Reach,
    keys: torch.Tensor,
    dropout: float,
) -> torch.Tensor:
    """Attention with explicit weights, for bases with dropout on them."""
    parts = (tensor[0].split(lengths, dim=1) for tensor in tensors)
    mixed = []
    for q, k, v, own in zip(*parts, keys.split(lengths, dim=1), strict=True):
        heads, length = own.shape
        keep = kept(own.reshape(-1), length, dropout).view(heads, length, length)
        scores = _masked(q @ k.transpose(1, 2) * scale, reach.mask(length, q.device))
        shares = torch.softmax(scores, dim=-1, dtype=torch.float32)
        mixed.append((shares * keep / (1 - dropout)).to(v.dtype) @ v)
    return torch.cat(mixed, dim=1).transpose(0, 1)[None]


AttentionInterface.register(NAME, packed_attention)
