"""Encoders of ``transformers`` with 2 layers of 32 features, built from their configuration.

By the name of the model type, with each configuration's own names of its sizes.
"""

from __future__ import annotations

import warnings
from typing import Any

import torch
from tokenizers import Regex, Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Split
from tokenizers.processors import TemplateProcessing
from transformers import (
    CONFIG_MAPPING,
    AutoModelForTokenClassification,
    PretrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerFast,
)

_SIZES: dict[str, dict[str, Any]] = {
    "": {
        "vocab_size": 33,
        "pad_token_id": 1,
        "hidden_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "intermediate_size": 64,
        "max_position_embeddings": 132,
    },
    "albert": {"embedding_size": 16, "num_hidden_groups": 1},
    "big_bird": {"attention_type": "original_full"},
    "convbert": {"embedding_size": 16, "head_ratio": 2, "num_groups": 1, "conv_kernel_size": 3},
    "deberta": {"relative_attention": True, "pos_att_type": ["c2p", "p2c"]},
    "deberta-v2": {
        "relative_attention": True, "pos_att_type": ["c2p", "p2c"], "position_biased_input": False,
    },
    "distilbert": {"dim": 32, "hidden_dim": 64, "n_layers": 2, "n_heads": 4},
    "electra": {"embedding_size": 16},
    "esm": {"position_embedding_type": "rotary"},
    "eurobert": {"head_dim": 8, "num_key_value_heads": 4},
    "esmc": {"head_dim": 8},
    "flaubert": {"emb_dim": 32, "n_layers": 2, "n_heads": 4},
    "funnel": {
        "d_model": 32, "d_head": 8, "n_head": 4, "d_inner": 64, "block_sizes": [1, 1],
        "num_decoder_layers": 1, "num_hidden_layers": None,
    },
    "mobilebert": {"embedding_size": 32, "intra_bottleneck_size": 32, "true_hidden_size": 32},
    "modernbert": {"cls_token_id": 0, "sep_token_id": 2, "bos_token_id": 0, "eos_token_id": 2},
    "rembert": {"input_embedding_size": 16, "output_embedding_size": 16},
    "t5": {"d_model": 32, "d_kv": 8, "d_ff": 64, "num_layers": 2, "num_heads": 4},
    "t5, gated": {"feed_forward_proj": "gated-gelu"},
    "xlm": {"emb_dim": 32, "n_layers": 2, "n_heads": 4},
    "xlnet": {
        "d_model": 32, "n_layer": 2, "n_head": 4, "d_head": 8, "d_inner": 64,
        "max_position_embeddings": None,
    },
}  # fmt: skip
_SIZES |= {"mt5": _SIZES["t5"], "umt5": _SIZES["t5"]}


def config_of(name: str, **changes: Any) -> PretrainedConfig:
    """The small configuration of a model type.

    Args:
        name: the ``model_type`` of ``config.json``, optionally with a variant after a comma.
        changes: changed fields.
    """
    kind, _, _ = name.partition(",")
    given = {**_SIZES[""], **_SIZES.get(kind, {}), **_SIZES.get(name, {}), **changes}
    return CONFIG_MAPPING[kind](**{name: size for name, size in given.items() if size is not None})


def classifier_of(config: PretrainedConfig, device: str = "meta") -> PreTrainedModel:
    """A token classifier with random weights, or with none on the meta device."""
    with torch.device(device), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return AutoModelForTokenClassification.from_config(config)  # type: ignore[no-any-return]


def residue_tokenizer() -> PreTrainedTokenizerFast:
    """One token per residue, in files that any architecture's tokenizer class can read."""
    names = ["<cls>", "<pad>", "<eos>", "<unk>", *"LAGVSERTIDPKQNFYMHWCXBUZO"]
    made = Tokenizer(WordLevel({name: i for i, name in enumerate(names)}, unk_token=names[3]))
    made.pre_tokenizer = Split(Regex("."), "isolated")
    ends = [("<cls>", 0), ("<eos>", 2)]
    made.post_processor = TemplateProcessing(single="<cls> $A <eos>", special_tokens=ends)
    special = {"cls": "<cls>", "pad": "<pad>", "eos": "<eos>", "unk": "<unk>"}
    named = {f"{name}_token": token for name, token in special.items()}
    return PreTrainedTokenizerFast(tokenizer_object=made, model_max_length=128, **named)
