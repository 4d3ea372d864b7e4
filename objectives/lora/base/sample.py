"""A small random model of a base's architecture, to test the packed model without weights."""

from __future__ import annotations

import copy
import math
from typing import Any

import torch
from torch import nn
from transformers import AutoModelForTokenClassification, PreTrainedConfig

from objectives.lora.base.config import no_warnings
from objectives.lora.base.load import Base, Precision, head_modules

_LAYERS = 4  # layers kept; enough to include each kind of layer in bases that alternate kinds
_SMALL = 2**22  # number of parameters up to which all layers are kept
_GAIN = 2.0
"""Gain of each random matrix. At 1, activations keep their scale and attention is nearly uniform,
so that an error in the attention mask would hardly change the logits."""


def sample_base(config: PreTrainedConfig, parameters: int) -> Base:
    """A base with few layers and random weights, in float32 on the CPU.

    The weights are drawn so that attention is sharp: with the default initialisation of
    transformers, ignoring a sliding window changes the logits by less than 0.01 %.

    Args:
        config: of the base, from ``load_config``.
        parameters: number of parameters of the base's encoder.
    """
    config = copy.deepcopy(config)  # a model modifies its config
    if parameters > _SMALL:
        _shorten(config)
    with torch.random.fork_rng(devices=[]), no_warnings():
        torch.manual_seed(0)
        model = AutoModelForTokenClassification.from_config(config, dtype=torch.float32)
        for module in model.modules():
            sharpen(module)
    model.requires_grad_(False)
    return Base(model, head_modules(model), Precision(torch.device("cpu"), torch.float32, "none"))


def window_limit(config: PreTrainedConfig) -> int:
    """Upper bound of a base's local attention window in tokens, from its config; 0 for none."""
    found = [
        value
        for name, value in _numbers(config.to_dict())
        if any(word in name for word in ("window", "local", "block", "chunk"))
    ]
    return max(found, default=0)


def _numbers(tree: dict[str, Any]) -> list[tuple[str, int]]:
    found: list[tuple[str, int]] = []
    for name, value in tree.items():
        if isinstance(value, dict):
            found.extend(_numbers({str(key): each for key, each in value.items()}))
        else:
            many = value if isinstance(value, list) else [value]
            found.extend((name, each) for each in many if type(each) is int)
    return found


def _shorten(config: PreTrainedConfig) -> None:
    """Reduce a configuration to ``_LAYERS`` layers, truncating its per-layer lists as well."""
    layers = config.num_hidden_layers
    if layers <= _LAYERS:
        return
    for name, value in vars(config).items():
        if isinstance(value, (list, tuple)) and len(value) == layers:
            setattr(config, name, value[:_LAYERS])
    config.num_hidden_layers = _LAYERS


def sharpen(module: nn.Module) -> None:
    """Redraw the weight of a linear layer or an embedding, so that attention is sharp."""
    if isinstance(module, nn.Linear):
        nn.init.normal_(module.weight, std=_GAIN / math.sqrt(module.in_features))
    elif isinstance(module, nn.Embedding):
        nn.init.normal_(module.weight)
