"""A small base of another base's architecture, to try the engine on: no weights are read."""

from __future__ import annotations

import copy
import math
from typing import Any

import torch
from torch import nn
from transformers import AutoModelForTokenClassification, PreTrainedConfig

from objectives.lora.base.load import Base, Precision, head_modules
from objectives.lora.quiet import no_warnings

_LAYERS = 4
"""Enough for each kind of layer where kinds alternate."""

_SMALL = 2**22
"""Parameters up to which all layers are kept."""

_GAIN = 2.0
"""Of each matrix. At 1 numbers keep their size, and attention is spread over all tokens alike,
so that it would hardly matter which of them it sees."""


def sample_base(config: PreTrainedConfig, parameters: int) -> Base:
    """A base with few layers and random weights, in float32 on the CPU.

    The weights are drawn so that attention is sharp: at the ones that transformers begins with
    a window left out of account changes the logits by less than 0.01 %.

    Args:
        config: of the base, as ``load_config`` gives it.
        parameters: how many the base has.
    """
    config = copy.deepcopy(config)  # a model writes into its own
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
    """The farthest that a local window of a base could reach, by its configuration; 0 for none."""
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
    """Leave few layers, in what is said of each layer too."""
    layers = config.num_hidden_layers
    if layers <= _LAYERS:
        return
    for name, value in vars(config).items():
        if isinstance(value, (list, tuple)) and len(value) == layers:
            setattr(config, name, value[:_LAYERS])
    config.num_hidden_layers = _LAYERS


def sharpen(module: nn.Module) -> None:
    """Draw a module's own matrix anew, so that attention is sharp."""
    if isinstance(module, nn.Linear):
        nn.init.normal_(module.weight, std=_GAIN / math.sqrt(module.in_features))
    elif isinstance(module, nn.Embedding):
        nn.init.normal_(module.weight)
