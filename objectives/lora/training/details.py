"""Details recorded with a trial's metrics, and the identity of its checkpoint."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import torch

from objectives.lora.adapter_config import AdapterConfig
from objectives.lora.packed.model import PackedModel
from objectives.lora.settings import BindingSettings
from objectives.lora.target_modules import ResolvedTargets, short_names
from objectives.lora.training.checkpoint import shapes
from objectives.lora.training.lane import Lane
from sweep.study.trial import TrialParams

SAME_RESULTS = ("base_weights", "gradient_checkpointing")
"""Settings that do not change results: a checkpoint is resumed with other values of them."""

LATER = ("task", "label_column", "pooling", "metric")
"""Settings that older checkpoints lack; they are told apart only where not at the default."""


def of_adapters(config: AdapterConfig, resolved: ResolvedTargets) -> dict[str, Any]:
    """Target set, adapted modules, rank and alpha of a trial."""
    return {
        "targets": resolved.targets,
        "modules": list(config.modules),
        "module_count": len(config.modules),
        "kinds": dict(resolved.kinds) if config.modules else {},
        "rank": config.rank,
        "alpha": config.alpha,
    }


def of_lora(
    config: AdapterConfig, head: Sequence[str], everything: Iterable[str]
) -> dict[str, Any]:
    """Keyword arguments of ``peft.LoraConfig``, under ``lora_config``; empty without adapters.

    Args:
        config: the trial's.
        head: names of the head modules.
        everything: full paths of all modules of the model.
    """
    if not config.modules:
        return {}
    alpha = config.alpha
    keywords = {
        "r": config.rank,
        "lora_alpha": int(alpha) if alpha.is_integer() else alpha,
        "target_modules": short_names(config.modules, everything),
        "lora_dropout": config.dropout,
        "use_rslora": config.rslora,
        "modules_to_save": list(head),
        "task_type": "TOKEN_CLS",
    }
    return {"lora_config": keywords}


def of_model(model: PackedModel) -> dict[str, Any]:
    """Head, device, dtype, quantisation and threads of a trial's model."""
    precision = model.precision
    return {
        "head": list(model.head),
        "device": str(precision.device),
        "compute_dtype": precision.dtype_name,
        "quantization": precision.quantization,
        "base_weights": model.base_weights,
        "threads": torch.get_num_threads(),
    }


def of_parameters(trained: Mapping[str, torch.Tensor]) -> dict[str, int]:
    """Number of trained parameters.

    ``trainable_parameters`` includes the head, which is the same in every trial;
    ``adapter_parameters`` does not: it depends on target set and rank.
    """
    sizes = {name: parameter.numel() for name, parameter in trained.items()}
    adapters = sum(size for name, size in sizes.items() if ".lora_" in name)
    return {"trainable_parameters": sum(sizes.values()), "adapter_parameters": adapters}


def identity_of(
    params: TrialParams, settings: BindingSettings, lane: Lane, inputs: Mapping[str, str]
) -> dict[str, Any]:
    """Everything that decides a trial's result; a checkpoint is resumed only if it is equal.

    Args:
        params: the trial's.
        settings: the trial's.
        lane: the trial's.
        inputs: digests of base and data.
    """
    precision = lane.model.precision
    decides = {**asdict(settings), "device": precision.device.type}
    for name in SAME_RESULTS:
        del decides[name]
    for name in LATER:
        if decides[name] == getattr(BindingSettings, name):  # as in checkpoints without it
            del decides[name]
    return {
        "values": dict(params.values),
        "seed": params.seed,
        "settings": decides,
        "compute_dtype": str(precision.compute_dtype),
        "inputs": dict(inputs),
        "steps": len(lane.plan.batches),
        "shapes": shapes(lane),
    }
