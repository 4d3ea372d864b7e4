"""Entries of a base's config.json that do not describe its architecture: reset or refused.

A base is often saved after use. Its config.json then also says how it was run, quantised or
adapted, and transformers would apply that again.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from transformers import PreTrainedConfig

from sweep.errors import fault

ADAPTER = "adapter_config.json"

_OURS: Mapping[str, Any] = {
    "_attn_implementation": None,  # chosen for another machine
    "add_cross_attention": False,  # there is no second sequence to attend to
    "chunk_size_feed_forward": 0,  # same result, but lengths must be multiples of the chunk
    "gradient_checkpointing": False,
    "output_attentions": False,
    "output_hidden_states": False,
    "problem_type": None,  # belongs to another head
    "return_dict": True,
    "torchscript": False,
    "use_cache": False,  # no incremental decoding
}
"""Values set for every base; none of them changes the logits."""


def settle(config: PreTrainedConfig) -> None:
    """Overwrite entries that do not describe the architecture with the values of ``_OURS``."""
    for name, value in _OURS.items():
        if getattr(config, name, value) != value:
            setattr(config, name, value)


def saved_faults(folder: Path, config: Mapping[str, Any]) -> list[str]:
    """Faults of a base that was saved quantised, or with an adapter next to its weights.

    Args:
        folder: of the base model.
        config: the contents of its config.json.
    """
    faults: list[str] = []
    quantised = config.get("quantization_config")
    if quantised:
        method = quantised.get("quant_method") if isinstance(quantised, dict) else quantised
        rule = "hold weights that are not quantised: each study quantises them by its settings"
        way_out = "Give the base that this one was made from"
        where = f"quantization_config in config.json of {folder}"
        faults.append(fault("base", rule, method, where=where, way_out=way_out))
    if (folder / ADAPTER).exists():
        rule = f"hold no {ADAPTER} beside its weights, which transformers would add to them"
        way_out = "Merge the adapter (merge_and_unload of PEFT) and save that, or move it away"
        faults.append(fault("base", rule, str(folder), way_out=way_out))
    return faults
