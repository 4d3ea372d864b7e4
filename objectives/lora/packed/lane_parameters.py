"""One lane's adapters and head: its parameters, where they start, and their names."""

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
    """What a lane trains.

    Attributes:
        config: rank, scaling, dropout and adapted modules.
        seed: the trial's seed; decides where all of it starts, and the dropout.
        tokens: of a step, by the settings.
        updates: by module path.
        heads: by head module name.
    """

    config: AdapterConfig
    seed: int
    tokens: int
    updates: dict[str, LoraUpdate] = field(default_factory=dict)
    heads: dict[str, nn.Module] = field(default_factory=dict)

    def named(self) -> dict[str, nn.Parameter]:
        """Everything trained by name; ``.lora_`` is in the names of the adapters alone."""
        found: dict[str, nn.Parameter] = {}
        for path, update in self.updates.items():
            found[f"{path}.lora_A.weight"] = update.a
            found[f"{path}.lora_B.weight"] = update.b
        for name, head in self.heads.items():
            found.update(parameters(name, head))
        return found

    def zero_grad(self) -> None:
        """Drop all gradients."""
        for parameter in self.named().values():
            parameter.grad = None

    def state(self) -> dict[str, torch.Tensor]:
        """The same as PEFT shapes it: B is (outputs, rank)."""
        return {
            name: p.detach().t() if name.endswith(".lora_B.weight") else p.detach()
            for name, p in self.named().items()
        }


def parameters(name: str, head: nn.Module) -> Iterator[tuple[str, nn.Parameter]]:
    """A copy's parameters by their names in the base."""
    for path, parameter in head.named_parameters():
        yield f"{name}.{path}", parameter


def fresh_a(config: AdapterConfig, seed: int, path: str, inputs: int) -> torch.Tensor:
    """LoRA's A at the start of a trial, as PEFT initialises it, keyed by its module's path.

    Keyed, so that a module starts equal whatever else is adapted; drawn row by row, so
    that a wider adapter begins with the narrower one's rows.

    Returns:
        Shape (rank, inputs).
    """
    generator = torch.Generator().manual_seed(derive(seed, "adapter", path))
    fresh = torch.empty(config.rank, inputs)
    return nn.init.kaiming_uniform_(fresh, a=math.sqrt(5), generator=generator)


def frozen_layers(config: AdapterConfig, layers: Sequence[str]) -> int:
    """How many layers from the bottom a trial leaves as they are.

    Args:
        config: its ``modules`` are paths.
        layers: path of each layer, from the bottom.
    """
    lowest = len(layers)
    for path in config.modules:
        inside = [i for i, layer in enumerate(layers) if path.startswith(f"{layer}.")]
        lowest = min(lowest, *inside) if inside else 0
    return lowest
