"""The trained parameters of one lane: adapters and head, their initial values and names."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import torch
from torch import nn

from objectives.lora.adapter_config import AdapterConfig
from objectives.lora.packed.lora_matmul import LoraUpdate
from objectives.seeds import derive


@dataclass(eq=False)
class Adapters:
    """The trained parameters of one lane."""

    config: AdapterConfig  # rank, scaling, dropout and adapted modules
    seed: int  # the trial's seed, of the initial values and the dropout masks
    tokens: int  # tokens per step in the trial's settings
    checkpointing: bool = False  # whether its training passes use gradient checkpointing
    updates: dict[str, LoraUpdate] = field(default_factory=dict)  # low-rank updates by module path
    heads: dict[str, nn.Module] = field(default_factory=dict)  # head modules by name

    def named(self) -> dict[str, nn.Parameter]:
        """All trained parameters by name; only names of adapters contain ``.lora_``."""
        found: dict[str, nn.Parameter] = {}
        for path, update in self.updates.items():
            found[f"{path}.lora_A.weight"] = update.a
            found[f"{path}.lora_B.weight"] = update.b
        for name, head in self.heads.items():
            found.update(parameters(name, head))
        return found

    def zero_grad(self) -> None:
        """Set all gradients to None."""
        for parameter in self.named().values():
            parameter.grad = None

    def state(self) -> dict[str, torch.Tensor]:
        """All trained parameters in PEFT's shapes: A is (rank, inputs), B is (outputs, rank)."""
        return {
            name: p.detach().t() if name.endswith(".lora_B.weight") else p.detach()
            for name, p in self.named().items()
        }


def parameters(name: str, head: nn.Module) -> Iterator[tuple[str, nn.Parameter]]:
    """Yield a head's parameters by their names in the base model."""
    for path, parameter in head.named_parameters():
        yield f"{name}.{path}", parameter


def fresh_a(config: AdapterConfig, seed: int, path: str, inputs: int) -> torch.Tensor:
    """The initial value of LoRA's A, with PEFT's distribution, seeded by trial and module path.

    Seeded by path, so that a module's A does not depend on the other adapted modules; drawn row
    by row, so that a higher rank starts with the rows of a lower one.

    Returns:
        Shape (rank, inputs).
    """
    generator = torch.Generator().manual_seed(derive(seed, "adapter", path))
    fresh = torch.empty(config.rank, inputs)
    return nn.init.kaiming_uniform_(fresh, a=math.sqrt(5), generator=generator)


def frozen_layers(config: AdapterConfig, layers: Sequence[str]) -> int:
    """Number of layers below the lowest adapted module; all layers if none is adapted.

    Args:
        config: its ``modules`` are full paths; one outside all layers gives 0.
        layers: path of each layer, from the bottom.
    """
    lowest = len(layers)
    for path in config.modules:
        inside = [i for i, layer in enumerate(layers) if path.startswith(f"{layer}.")]
        lowest = min(lowest, *inside) if inside else 0
    return lowest
