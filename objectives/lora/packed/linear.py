"""Replacements of a base's linear layers and of its head, with the parameters of all lanes."""

from __future__ import annotations

import copy
from collections.abc import Container
from typing import Any

import torch
from torch import nn
from torch.func import functional_call

from objectives.lora.packed.base_weight import BaseWeight
from objectives.lora.packed.dropout import all_factors, factors
from objectives.lora.packed.layout import Layout, current
from objectives.lora.packed.lora_bmm import BaseOperands, StackedLora, lora_bmm
from objectives.lora.packed.lora_matmul import LaneOperands, LoraUpdate, lora_matmul, should_merge
from objectives.lora.packed.stacked_parameters import StackedParameters
from objectives.seeds import derive


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


class LaneHead(nn.Module):
    """Replaces a head module; applies each lane's copy to that lane's tokens.

    Args:
        name: of the module in the model.
        original: the module it replaces.
        std: standard deviation of initial weights, the base's ``initializer_range``.
        pretrained: paths of linear layers that keep their pretrained weights; see ``Base``.
    """

    def __init__(
        self, name: str, original: nn.Module, std: float, pretrained: Container[str] = ()
    ) -> None:
        super().__init__()
        self.name = name
        self._original = [original]  # in a list, so as not to be registered as a submodule
        self._std = std
        self._pretrained = pretrained
        self._copies: dict[Any, nn.Module] = {}

    def add_lane(self, lane: Any, seed: int) -> nn.Module:
        """Create a lane's copy of the head, initialised as transformers does, from ``seed``."""
        fresh = copy.deepcopy(self._original[0]).requires_grad_(True)
        for path, module in fresh.named_modules():
            if isinstance(module, nn.Linear) and f"{self.name}.{path}" not in self._pretrained:
                generator = torch.Generator().manual_seed(derive(seed, "head", self.name, path))
                weight = torch.empty(module.weight.shape)
                weight.normal_(0.0, self._std, generator=generator)
                with torch.no_grad():
                    module.weight.copy_(weight)
                    if module.bias is not None:
                        module.bias.zero_()
        self._copies[lane] = fresh
        return fresh

    def remove_lane(self, lane: Any) -> None:
        """Remove a lane's copy from the model; its tensors are not modified."""
        self._copies.pop(lane, None)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Apply to ``x`` (rows, tokens, features) in the layout of the current pass."""
        context = current()
        layout, stacked = context.layout, context.stacked
        flat = x.reshape(-1, x.shape[-1])
        if stacked is not None:
            own = self._beside(stacked, context.chosen)
            whole = self._at_once(flat.view(len(layout.shares), -1, flat.shape[-1]), own)
        else:
            parts = flat.split(layout.sizes)
            lanes = (share.lane for share in layout.shares)
            made = [self._copies[lane](part) for lane, part in zip(lanes, parts, strict=True)]
            whole = made[0] if len(made) == 1 else torch.cat(made)
        return whole.view(*x.shape[:-1], -1)

    def _beside(
        self, stacked: StackedParameters, chosen: tuple[int, ...] | None
    ) -> dict[str, torch.Tensor]:
        """The heads' stacked parameters by name, each of shape (lanes, ...)."""
        names = (name for name, _ in self._original[0].named_parameters())
        return {name: stacked.rows(f"{self.name}.{name}", chosen) for name in names}

    def _at_once(self, x: torch.Tensor, own: dict[str, torch.Tensor]) -> torch.Tensor:
        """Apply each lane's parameters to ``x`` of shape (lanes, places, features)."""
        original = self._original[0]
        if type(original) is not nn.Linear:
            named = ({name: rows[i] for name, rows in own.items()} for i in range(len(x)))
            pairs = zip(named, x, strict=True)
            return torch.stack([functional_call(original, mine, (part,)) for mine, part in pairs])
        weight = own["weight"].transpose(1, 2)
        if original.bias is None:
            return torch.bmm(x, weight)
        return torch.baddbmm(own["bias"][:, None], x, weight)
