"""A lower bound of a training step's time: its FLOP at the rate of a plain matrix product."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from objectives.lora.base.load import head_modules
from objectives.lora.packed.device import multiply
from objectives.lora.settings import BindingSettings
from objectives.lora.target_modules import resolve
from objectives.lora.training.inputs import Inputs
from objectives.tasks.residue_binary import ResidueBinary

_TRIES = 30


@dataclass(frozen=True)
class Shape:
    """The sizes that determine the FLOP of a step.

    Attributes:
        base: number of parameters of the frozen matrices.
        adapters: number of parameters of the low-rank matrices.
        head: number of parameters of the head.
        layers: number of encoder layers.
        hidden: width of the encoder.
    """

    base: int
    adapters: int
    head: int
    layers: int
    hidden: int

    @classmethod
    def of(cls, places: Mapping[str, str], settings: Mapping[str, Any]) -> Shape:
        """The shape of a trial with these settings."""
        model = Inputs(places, BindingSettings.from_mapping(settings), ResidueBinary).skeleton
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

    Per token, a frozen parameter costs 2 FLOP forward and 2 for the gradient of its input; a
    trained one costs 2 more for its own gradient. Attention takes two products of length x length x
    width forward and four backward. Recomputing the attention weights, as kernels do, is not
    counted.

    Args:
        shape: the sizes of the trial.
        lengths: tokens of each window.
        rate: FLOP per second.

    Returns:
        Seconds of ``gemm`` and ``attention``.
    """
    products = sum(lengths) * (4 * shape.base + 6 * (shape.adapters + shape.head))
    pairs = sum(length**2 for length in lengths)
    attention = 6 * 2 * shape.layers * shape.hidden * pairs
    return {"gemm": products / rate, "attention": attention / rate}


def gemm_rate(hidden: int, tokens: int, dtype: torch.dtype = torch.float32) -> float:
    """FLOP per second of this machine in a product of the model's widest shape.

    Args:
        hidden: width of the model.
        tokens: rows of the product.
        dtype: type of its numbers.
    """
    left = torch.randn(tokens, hidden).to(dtype)
    right = torch.randn(4 * hidden, hidden).to(dtype)
    best = float("inf")
    for _ in range(_TRIES):
        started = time.perf_counter()
        multiply(left, right)
        best = min(best, time.perf_counter() - started)
    return 2 * tokens * hidden * 4 * hidden / best
