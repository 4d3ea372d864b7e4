"""Replacement of a frozen linear layer that adds each lane's low-rank update."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from objectives.lora.packed.base_weight import BaseWeight
from objectives.lora.packed.dropout import all_factors, factors
from objectives.lora.packed.layout import Layout
from objectives.lora.packed.lora_bmm import BaseOperands, StackedLora, lora_bmm
from objectives.lora.packed.lora_matmul import LaneOperands, LoraUpdate, lora_matmul, should_merge
from objectives.lora.packed.pass_context import current


class LaneLinear(nn.Module):
    """A frozen linear layer plus a low-rank update per lane; lanes may have none.

    Args:
        path: of the module in the model.
        linear: the module it replaces.
        matrix: the frozen weight.
        compute_dtype: dtype of the products.
    """

    def __init__(
        self, path: str, linear: nn.Linear, matrix: BaseWeight, compute_dtype: torch.dtype
    ) -> None:
        super().__init__()
        self.path = path
        self.matrix = matrix
        self.inputs, self.outputs = linear.in_features, linear.out_features
        self._dtype = compute_dtype
        bias = None if linear.bias is None else linear.bias.detach().to(compute_dtype)
        self.bias: torch.Tensor | None
        self.register_buffer("bias", bias, persistent=False)
        self._updates: dict[Any, LoraUpdate] = {}

    @property
    def weight(self) -> torch.Tensor:
        """A meta tensor with the weight's shape and dtype: T5 reads ``weight.dtype``."""
        return torch.empty(self.outputs, self.inputs, dtype=self._dtype, device="meta")

    def add_lane(
        self, lane: Any, a: torch.Tensor, *, scale: float, dropout: float, tokens: int
    ) -> LoraUpdate:
        """Create a lane's update of this layer: A as given, B zero.

        Args:
            lane: key of the lane.
            a: initial value of LoRA's A, shape (rank, inputs).
            scale: factor on the update.
            dropout: dropout probability on the update's input.
            tokens: tokens per step in the trial's settings.
        """
        device = self.matrix.device
        merged = should_merge(
            (self.outputs, self.inputs),
            tokens=tokens,
            dropout=dropout,
            dtype=self._dtype,
            device=device,
        )
        b = torch.zeros(len(a), self.outputs, device=device)
        update = LoraUpdate(nn.Parameter(a.to(device)), nn.Parameter(b), scale, dropout, merged)
        self._updates[lane] = update
        return update

    def remove_lane(self, lane: Any) -> None:
        """Remove a lane's update from the layer; its tensors are not modified."""
        self._updates.pop(lane, None)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map ``x`` (..., inputs), in the layout of the current pass, to (..., outputs)."""
        context = current()
        layout, stacked = context.layout, context.stacked
        masks = layout.run_of(self.path)
        flat = x.reshape(-1, self.inputs).to(self._dtype)
        if stacked is None:
            y = self._apart(flat, layout, masks)
        else:
            y = self._at_once(flat, layout, stacked.at(self.path, context.chosen), masks)
        return y.view(*x.shape[:-1], self.outputs)

    def _apart(self, flat: torch.Tensor, layout: Layout, masks: str) -> torch.Tensor:
        """Multiply lane by lane; shape (places, inputs) to (places, outputs)."""
        bounds = layout.bounds_of(len(flat), self.path)
        updates = [self._updates.get(share.lane) for share in layout.shares]
        drops = [self._factors(layout, i, u, flat, masks) for i, u in enumerate(updates)]
        return lora_matmul(flat, LaneOperands(self.matrix, self.bias, bounds, updates, drops))

    def _factors(
        self, layout: Layout, number: int, update: LoraUpdate | None, flat: torch.Tensor, masks: str
    ) -> torch.Tensor | None:
        if update is None or not update.dropout or not layout.shares[number].step:
            return None
        return factors(layout, number, masks, self.inputs, update.dropout, flat)

    def _at_once(
        self, flat: torch.Tensor, layout: Layout, stacks: StackedLora | None, masks: str
    ) -> torch.Tensor:
        """Multiply all lanes in one batched product."""
        layout.bounds_of(len(flat), self.path)
        if stacks is None:
            return torch.nn.functional.linear(flat, self.matrix.dense(), self.bias)
        drops = None
        if layout.shares[0].step and any(stacks.dropouts):
            drops = all_factors(layout, stacks, masks, flat)
        frame = BaseOperands(self.matrix, self.bias, len(layout.shares), drops)
        return lora_bmm(flat, frame, stacks)
