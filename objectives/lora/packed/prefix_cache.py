"""Encoder layers that are skipped in favour of cached states, or recomputed for the gradient.

The layers below a trial's lowest adapter (all layers, if it trains the head only) give the same
hidden states in every epoch and in every trial. They are computed once per window and cached.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from objectives.data.prepare.windows import Windows
from objectives.gelu import fused_gelu
from objectives.lora.memory import free_bytes
from objectives.lora.packed.layout import LaneBatch, Layout, PassContext, current, running

_ROOM = 0.25  # share of the free memory that the cache may take


class CapturedError(Exception):
    """Raised to end a pass at the layer whose output is captured."""

    def __init__(self, hidden: torch.Tensor) -> None:
        super().__init__("captured")
        self.hidden = hidden  # the layer's output


class LayerGate(nn.Module):
    """Wraps an encoder layer, which it skips, captures or checkpoints.

    Args:
        inner: the layer.
        number: of the layer, from 1 at the bottom.
        prefix: the layers to skip or capture, and the cached states.
    """

    def __init__(self, inner: nn.Module, number: int, prefix: Prefix) -> None:
        super().__init__()
        self.inner = inner
        self._number = number
        self._prefix = [prefix]  # in a list, so as not to be registered as a submodule

    def __getattr__(self, name: str) -> Any:
        """Forward attributes that the gate does not have to the wrapped layer."""
        try:
            return super().__getattr__(name)
        except AttributeError:
            return getattr(super().__getattr__("inner"), name)

    def forward(self, hidden_states: torch.Tensor, *args: Any, **kwargs: Any) -> Any:
        """Run the layer; skipped layers return their input, the last of them cached states."""
        prefix, hidden = self._prefix[0], hidden_states
        if self._number <= prefix.skip:
            kept = prefix.injected if self._number == prefix.skip else hidden
            return (kept,) if prefix.tuples else kept
        out = _run(self.inner, hidden, *args, **kwargs)
        if self._number == prefix.capture:
            prefix.tuples = isinstance(out, tuple)
            raise CapturedError(out[0] if prefix.tuples else out)
        return out


def _run(layer: nn.Module, *args: Any, **kwargs: Any) -> Any:
    """Run a layer; with gradient checkpointing it keeps its input only, and is run again later."""
    context = current()
    if not context.checkpointing:
        return layer(*args, **kwargs)
    again = _repeatable(layer, context, Counter(context.layout.runs))
    return checkpoint(again, *args, use_reentrant=False, **kwargs)


def _repeatable(layer: nn.Module, context: PassContext, runs: Counter[str]) -> Callable[..., Any]:
    """The layer as a function that gives the same results in the backward pass, masks included."""

    def run(*args: Any, **kwargs: Any) -> Any:
        context.layout.runs.clear()
        context.layout.runs.update(runs)
        with running(context), fused_gelu():
            return layer(*args, **kwargs)

    return run


class Prefix:
    """Cache of the hidden states after the lower layers, by split and number of layers.

    Args:
        hidden_size: features of a token's hidden state.
        device: of the cache.
    """

    def __init__(self, hidden_size: int, device: torch.device) -> None:
        self._hidden_size = hidden_size
        self._device = device
        self.skip = 0  # number of lower layers that the current pass skips
        self.capture = 0  # number of the layer at whose output the current pass ends; 0 for none
        self.tuples = False  # whether the layers return tuples
        # output of the skipped layers, shape (1, places, features)
        self.injected: torch.Tensor | None = None
        self._kept: dict[tuple[int, int], tuple[Windows, list[torch.Tensor]]] = {}
        self._bytes = 0
        self._limit = int(_ROOM * free_bytes(device))

    def fits(self, splits: Sequence[Windows], layers: int) -> bool:
        """Whether the splits' states after ``layers`` layers are cached, or fit in the cache."""
        lacking = [w for w in splits if (id(w), layers) not in self._kept]
        size = sum(sum(windows.lengths) for windows in lacking) * self._hidden_size * 4
        return self._bytes + size <= self._limit

    def states(
        self, windows: Windows, layers: int, compute: Callable[[LaneBatch], Any]
    ) -> list[torch.Tensor]:
        """The hidden states of every window of a split, each of shape (tokens, features).

        Args:
            windows: the split.
            layers: number of layers below the states.
            compute: runs one window through the model, which raises ``CapturedError``.
        """
        if (id(windows), layers) not in self._kept:
            self.capture = layers
            try:
                made = [_captured(compute, windows, index) for index in range(len(windows))]
            finally:
                self.capture = 0
            self._kept[id(windows), layers] = windows, made
            self._bytes += sum(state.numel() * state.element_size() for state in made)
        return self._kept[id(windows), layers][1]

    def forget(self, windows: Windows) -> None:
        """Remove the states of a split from the cache."""
        for key in [key for key in self._kept if key[0] == id(windows)]:
            _, made = self._kept.pop(key)
            self._bytes -= sum(state.numel() * state.element_size() for state in made)

    def inject(self, layout: Layout, layers: int, states: Sequence[list[torch.Tensor]]) -> None:
        """Make the next pass start from cached states, above the lower ``layers`` layers.

        Args:
            layout: of the pass.
            layers: number of layers to skip.
            states: of all windows of each lane's split.
        """
        parts: list[torch.Tensor] = []
        for share, size, own in zip(layout.shares, layout.sizes, states, strict=True):
            parts.extend(own[index] for index in share.indices)
            if size > share.tokens:
                parts.append(own[0].new_zeros(size - share.tokens, self._hidden_size))
        self.skip, self.injected = layers, torch.cat(parts)[None]

    def clear(self) -> None:
        """Make the next pass run all layers."""
        self.skip, self.injected = 0, None


def _captured(compute: Callable[[LaneBatch], Any], windows: Windows, index: int) -> torch.Tensor:
    """Compute one window's states by itself, so that they do not depend on a batch."""
    try:
        with torch.no_grad():
            compute(LaneBatch(None, windows, (index,)))
    except CapturedError as captured:
        return captured.hidden[0].clone()
    raise RuntimeError("the encoder ran past the layer whose output was wanted")
