"""Small random protein models of several architectures, each with its own tokenizer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import protein_tokenizers as made
import torch
from transformers import (
    BertConfig,
    BertModel,
    EsmConfig,
    EsmModel,
    T5Config,
    T5EncoderModel,
    T5ForConditionalGeneration,
)

STILL = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
SIZES = {"num_hidden_layers": 2, "hidden_size": 32, "num_attention_heads": 4}
T5 = {"d_model": 32, "d_kv": 8, "d_ff": 64, "num_layers": 2, "num_heads": 4, "pad_token_id": 0}
ESM2 = {"mask_token_id": 4, "position_embedding_type": "rotary", "token_dropout": True}
GATED = {"feed_forward_proj": "gated-gelu", "tie_word_embeddings": False}


@dataclass(frozen=True)
class Model:
    """A small random base.

    Attributes:
        tokenizer: its tokenizer.
        config: its configuration class.
        kind: the class that is saved.
        shape: arguments of its configuration.
        rows: whether windows are padded, for attention that takes no window lengths.
    """

    tokenizer: Callable[[Path], Any]
    config: Any
    kind: Any
    shape: dict[str, Any]
    rows: bool = False


MODELS = {
    "ProtBERT": Model(
        made.protbert, BertConfig, BertModel, {**SIZES, "intermediate_size": 64, **STILL}
    ),
    "SaProt": Model(
        made.saprot, EsmConfig, EsmModel,
        {**SIZES, "intermediate_size": 64, "pad_token_id": 1, **ESM2, **STILL},
    ),
    "T5": Model(
        made.prott5, T5Config, T5ForConditionalGeneration, {**T5, "dropout_rate": 0.0}, rows=True
    ),
    "ProtT5, dropping": Model(made.prott5, T5Config, T5EncoderModel, T5, rows=True),
    "Ankh": Model(
        made.ankh, T5Config, T5EncoderModel, {**T5, **GATED, "dropout_rate": 0.0}, rows=True
    ),
    "Ankh, dropping": Model(made.ankh, T5Config, T5EncoderModel, {**T5, **GATED}, rows=True),
}  # fmt: skip


def save(name: str, folder: Path, **names: Any) -> None:
    """Write a model and its tokenizer as their libraries do.

    A T5's relative-position biases are as large as in a trained model.

    Args:
        name: a key of ``MODELS``.
        folder: the output folder.
        names: changes of the tokenizer.
    """
    torch.manual_seed(0)
    model = MODELS[name]
    tokenizer = model.tokenizer(folder)
    for attribute, value in names.items():
        setattr(tokenizer, attribute, value)
    shape = {"pad_token_id": tokenizer.pad_token_id} | model.shape
    base = model.kind(model.config(vocab_size=len(tokenizer), **shape))
    with torch.no_grad():
        for path, module in base.named_modules():
            if path.endswith("relative_attention_bias"):
                module.weight.normal_()
    base.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
