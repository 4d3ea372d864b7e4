"""What the arithmetic of a training step would take at the rate of a plain matrix product."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from objectives.lora.base.load import head_modules
from objectives.lora.packed.cpu import multiply
from objectives.lora.settings import BindingSettings
from objectives.lora.target_modules import resolve
from objectives.lora.training.inputs import Inputs

_TRIES = 30


@dataclass(frozen=True)
class Shape:
    """What decides the arithmetic of a step.

    Attributes:
        base: parameters of the frozen matrices.
        adapters: parameters of the low-rank matrices.
        head: parameters of the head.
        layers: of the encoder.
        hidden: its width.
    """

    base: int
    adapters: int
    head: int
    layers: int
    hidden: int

    @classmethod
    def of(cls, places: Mapping[str, str], settings: Mapping[str, Any]) -> Shape:
        """The shape of a trial with these settings."""
        model = Inputs(places, BindingSettings.from_mapping(settings)).skeleton
        head = head_modules(model)
        shapes: dict[str, Any] = dict(model.named_modules())
        matrices = [shapes[path] for path in resolve(model, "all-linear", head).modules]
        adapted = [shapes[path] for path in resolve(model, settings["targets"], head).modules]
        return cls(
            base=sum(m.in_features * m.out_features for m in matrices),
            adapters=settings["rank"] * sum(m.in_features + m.out_features for m in adapted),
            head=sum(p.numel() for name in head for p in shapes[name].parameters()),
            layers=model.config.num_hidden_layers,
            hidden=model.config.hidden_size,
        )


def floor(shape: Shape, lengths: Sequence[int], rate: float) -> dict[str, float]:
    """Seconds of the products and of the attention of one step, forward and backward.

    A frozen parameter costs a token 2 FLOP forward and 2 for the gradient of its input; a
    trained one 2 more for its own. Attention makes two products of length x length x width
    forward and four backward; computing the shares again, as its kernels do, is not counted.

    Args:
        shape: of the trial.
        lengths: tokens of each window.
        rate: FLOP per second.
    """
    products = sum(lengths) * (4 * shape.base + 6 * (shape.adapters + shape.head))
    pairs = sum(length**2 for length in lengths)
    attention = 6 * 2 * shape.layers * shape.hidden * pairs
    return {"gemm": products / rate, "attention": attention / rate}


def gemm_rate(hidden: int, tokens: int, dtype: torch.dtype = torch.float32) -> float:
    """FLOP per second of this machine in a product of the model's widest shape, as ours makes it.

    Args:
        hidden: width of the model.
        tokens: rows of the product.
        dtype: of its numbers.
    """
    left = torch.randn(tokens, hidden).to(dtype)
    right = torch.randn(4 * hidden, hidden).to(dtype)
    best = float("inf")
    for _ in range(_TRIES):
        started = time.perf_counter()
        multiply(left, right)
        best = min(best, time.perf_counter() - started)
    return 2 * tokens * hidden * 4 * hidden / best
