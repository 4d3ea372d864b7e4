"""Entries of a base's config.json that are not about its architecture: reset or refused.

A base is often what somebody saved after using it. How it was run, quantised or adapted there is
in the same file as its shape, and transformers would do all of it again.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from transformers import PreTrainedConfig

from sweep.errors import fault

ADAPTER = "adapter_config.json"

_OURS: Mapping[str, Any] = {
    "_attn_implementation": None,  # what was fast on another machine
    "add_cross_attention": False,  # to another sequence, which is not there
    "chunk_size_feed_forward": 0,  # the same numbers in parts, where the parts come out even
    "gradient_checkpointing": False,
    "output_attentions": False,
    "output_hidden_states": False,
    "problem_type": None,  # of another head
    "return_dict": True,
    "torchscript": False,
    "use_cache": False,  # no pass follows another
}
"""How a base is run here, whatever it says; none of it changes what it computes."""


def settle(config: PreTrainedConfig) -> None:
    """Set what is not about the architecture to what is needed here."""
    for name, value in _OURS.items():
        if getattr(config, name, value) != value:
            setattr(config, name, value)


def saved_faults(folder: Path, config: Mapping[str, Any]) -> list[str]:
    """What of a saved base is more than a base, in words.

    Args:
        folder: the base.
        config: its config.json.
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
