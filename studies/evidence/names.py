"""What PEFT makes of the target modules that the card's author published, on ESM-2 8M."""

from __future__ import annotations

import warnings
from typing import Any

QKV = ("query", "key", "value")
CLASSES = (
    "EsmSelfOutput.dense",
    "EsmIntermediate.dense",
    "EsmOutput.dense",
    "EsmContactPredictionHead.regression",
)
"""Names of classes in the source of ESM, where PEFT looks for names of modules."""


def names() -> dict[str, Any]:
    """Trained parameters at rank 2 by list of names, without any weights.

    The lists are those of adapters of the same author and weeks: query, key and value, the same
    with the names of classes, and with a plain ``dense``, which does match.
    """
    lists = {"qkv": QKV, "published": (*QKV, *CLASSES), "dense": (*QKV, "dense")}
    return {name: _trained(modules) for name, modules in lists.items()}


def _trained(modules: tuple[str, ...]) -> dict[str, int]:
    import torch
    from peft import LoraConfig, get_peft_model
    from peft.tuners.lora import LoraLayer
    from transformers import EsmConfig, EsmForTokenClassification

    config = EsmConfig(
        vocab_size=33,
        pad_token_id=1,
        mask_token_id=32,
        hidden_size=320,
        num_hidden_layers=6,
        num_attention_heads=20,
        intermediate_size=1280,
        position_embedding_type="rotary",
    )
    with torch.device("meta"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = get_peft_model(
            EsmForTokenClassification(config),
            LoraConfig(task_type="TOKEN_CLS", r=2, lora_alpha=1, target_modules=list(modules)),
        )
    return {
        "matrices": sum(isinstance(module, LoraLayer) for module in model.modules()),
        "trained": sum(p.numel() for p in model.parameters() if p.requires_grad),
    }
