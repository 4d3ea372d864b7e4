"""Trained adapters as files that plain PEFT loads."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save

from objectives.binding.adapter import AdapterConfig
from objectives.binding.packed.adapters import Adapters
from sweep.atomic import clear_scratch, write_folder

LIBRARIES = ("torch", "transformers", "peft", "bitsandbytes", "datasets", "scikit-learn")
"""Those that a result depends on."""

_PREFIX = "base_model.model."
"""How PEFT's names of adapted modules begin in its files."""

log = logging.getLogger("lorasweep")


def library_versions() -> dict[str, str]:
    """The installed versions of ``LIBRARIES``."""
    return {name: version(name) for name in LIBRARIES}


def keep_adapter(
    folder: Path, adapters: Adapters, head: Sequence[str], base: str, record: Mapping[str, Any]
) -> None:
    """Leave a trained adapter and its head, or the head alone, with a record of the trial.

    An adapter is ``adapter_model.safetensors`` and ``adapter_config.json``, for
    ``PeftModel.from_pretrained``; a head alone is ``head.safetensors``, to be loaded into
    the base's state. A folder that cannot be written costs the files, not the trial.

    Args:
        folder: where; whatever adapter is there is replaced.
        adapters: what was trained.
        head: names of the head modules.
        base: the base's name, for the adapter's configuration.
        record: a JSON tree, written as ``trial.json``.
    """
    state = {name: tensor.cpu().contiguous() for name, tensor in adapters.state().items()}
    if adapters.config.modules:
        files = _adapter_files(state, adapters.config, head, base)
    else:
        files = {"head.safetensors": save(state, {"format": "pt"})}
    text = json.dumps({**record, "base": base, "versions": library_versions()}, indent=2)
    clear_scratch(folder)
    try:
        write_folder(folder, {**files, "trial.json": text.encode()})
    except OSError as error:
        log.warning("the adapter %s cannot be written (%s)", folder, error)


def _adapter_files(
    state: Mapping[str, torch.Tensor], config: AdapterConfig, head: Sequence[str], base: str
) -> dict[str, bytes]:
    """What PEFT's ``save_pretrained`` writes, but for the model card."""
    peft = config.to_peft(head)
    peft.base_model_name_or_path = base
    peft.inference_mode = True
    tree = peft.to_dict()
    # The full paths: PEFT shortens many to endings, which could match more in another class.
    tree["target_modules"] = list(config.modules)
    for name, value in tree.items():
        if isinstance(value, set):
            tree[name] = sorted(value)
    named = {f"{_PREFIX}{name}": tensor for name, tensor in state.items()}
    return {
        "adapter_model.safetensors": save(named, {"format": "pt"}),
        "adapter_config.json": json.dumps(tree, indent=2, sort_keys=True).encode(),
    }
