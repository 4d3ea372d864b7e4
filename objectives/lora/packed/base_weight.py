"""Weights of the frozen base, stored in NF4 or dequantised once."""

from __future__ import annotations

from typing import Any

import bitsandbytes.functional as bnb
import torch
from bitsandbytes.nn.modules import Linear4bit
from torch import nn

from objectives.lora.memory import free_bytes

_ROOM = 0.25  # share of the free memory that dequantised weights may take


class BaseWeight:
    """The frozen weight of a linear layer, shape (outputs, inputs), in the compute dtype.

    Args:
        linear: the layer, quantised or not; with ``dequantise`` its NF4 data is freed.
        compute_dtype: dtype of the products.
        dequantise: store the dequantised weight in place of NF4.
    """

    def __init__(self, linear: nn.Linear, compute_dtype: torch.dtype, *, dequantise: bool) -> None:
        self._linear = linear
        self._dtype = compute_dtype
        self.quantised = isinstance(linear, Linear4bit)
        self._kept: torch.Tensor | None = None
        if dequantise or not self.quantised:
            self._kept = self._read()
            if isinstance(linear, Linear4bit):  # free the NF4 data
                linear.weight = nn.Parameter(torch.empty(0), requires_grad=False)
                linear.quant_state = None

    @property
    def device(self) -> torch.device:
        """The device of the weight."""
        return self._linear.weight.device if self._kept is None else self._kept.device

    @property
    def four_bit_bytes(self) -> int:
        """Bytes of the NF4 data and its quantisation constants; 0 if it is dequantised."""
        weight: Any = self._linear.weight
        if self._kept is not None or not self.quantised:
            return 0
        states = (weight.quant_state, weight.quant_state.state2)
        parts = [weight, states[0].offset, *(t for s in states for t in (s.absmax, s.code))]
        return sum(part.nbytes for part in parts)

    @property
    def dense_bytes(self) -> int:
        """Bytes of the weight if it is kept in the compute dtype, else 0."""
        return 0 if self._kept is None else self._kept.nbytes

    def dense(self) -> torch.Tensor:
        """The weight in the compute dtype, shape (outputs, inputs)."""
        return self._read() if self._kept is None else self._kept

    def _read(self) -> torch.Tensor:
        weight: Any = self._linear.weight
        if not self.quantised:
            return weight.detach().to(self._dtype)
        # As ``bitsandbytes.matmul_4bit`` does: to the stored dtype, then to the compute dtype.
        return bnb.dequantize_4bit(weight.data, weight.quant_state).to(self._dtype)


def dequantised_bytes(model: nn.Module, compute_dtype: torch.dtype) -> int:
    """Bytes that the dequantised weights of a quantised model would take."""
    size = torch.empty((), dtype=compute_dtype).element_size()
    linears = [m for m in model.modules() if isinstance(m, Linear4bit)]
    return size * sum(m.in_features * m.out_features for m in linears)


def choose(setting: str, needed: int, device: torch.device) -> str:
    """Resolve ``auto``: dequantise once if memory allows.

    Args:
        setting: ``auto``, ``nf4`` or ``nf4-dequantised``.
        needed: bytes of the dequantised weights; 0 for a base that is not quantised.
        device: of the weights.

    Returns:
        ``nf4``, ``nf4-dequantised``, or ``none`` for a base that is not quantised.
    """
    if not needed:
        return "none"
    if setting != "auto":
        return setting
    return "nf4-dequantised" if needed <= _ROOM * free_bytes(device) else "nf4"
