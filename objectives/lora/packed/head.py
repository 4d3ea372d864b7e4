"""The token classifier's head, with one trainable copy per lane."""

from __future__ import annotations

import copy
from collections.abc import Container
from typing import Any

import torch
from torch import nn
from torch.func import functional_call

from objectives.lora.packed.pass_context import current
from objectives.lora.packed.stacked_parameters import StackedParameters
from objectives.seeds import derive


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
        fresh = copy.deepcopy(self._original[0]).float().requires_grad_(True)
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
