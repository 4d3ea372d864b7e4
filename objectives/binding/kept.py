"""Trained adapters as files that plain PEFT loads."""

from __future__ import annotations

import copy
import json
import logging
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, cast

import torch
from peft import PeftModel, get_peft_model_state_dict
from safetensors.torch import save
from torch import nn

from objectives.binding.quiet import no_warnings
from sweep.atomic import clear_scratch, write_folder

LIBRARIES = ("torch", "transformers", "peft", "bitsandbytes", "datasets", "scikit-learn")
"""Those that a result depends on."""

log = logging.getLogger("lorasweep")


def library_versions() -> dict[str, str]:
    """The installed versions of ``LIBRARIES``."""
    return {name: version(name) for name in LIBRARIES}


def keep_adapter(
    folder: Path, model: nn.Module, head: Sequence[str], base: str, record: Mapping[str, Any]
) -> None:
    """Leave a trained adapter and its head, or the head alone, with a record of the trial.

    An adapter is ``adapter_model.safetensors`` and ``adapter_config.json``, for
    ``PeftModel.from_pretrained``; a head alone is ``head.safetensors``, to be loaded into
    the base's state. A folder that cannot be written costs the files, not the trial.

    Args:
        folder: where; whatever adapter is there is replaced.
        model: the trained module.
        head: names of the head modules.
        base: the base's name, for the adapter's configuration.
        record: a JSON tree, written as ``trial.json``.
    """
    if isinstance(model, PeftModel):
        files = _adapter_files(model, base)
    else:
        files = {"head.safetensors": save(_head_state(model, head), {"format": "pt"})}
    text = json.dumps({**record, "base": base, "versions": library_versions()}, indent=2)
    clear_scratch(folder)
    try:
        write_folder(folder, {**files, "trial.json": text.encode()})
    except OSError as error:
        log.warning("the adapter %s cannot be written (%s)", folder, error)


def _adapter_files(model: PeftModel, base: str) -> dict[str, bytes]:
    """What ``save_pretrained`` writes, but for the model card."""
    with no_warnings():
        state = get_peft_model_state_dict(model, save_embedding_layers=False)
    config = copy.copy(model.peft_config[model.active_adapter])
    config.base_model_name_or_path = base
    config.inference_mode = True
    tree = config.to_dict()
    # The full paths: PEFT shortens many to endings, which could match more in another class.
    tree["target_modules"] = list(cast("Any", model.base_model).targeted_module_names)
    for name, value in tree.items():
        if isinstance(value, set):
            tree[name] = sorted(value)
    return {
        "adapter_model.safetensors": save(_tensors(state), {"format": "pt"}),
        "adapter_config.json": json.dumps(tree, indent=2, sort_keys=True).encode(),
    }


def _head_state(model: nn.Module, head: Sequence[str]) -> dict[str, torch.Tensor]:
    """The head's tensors by their names in the base."""
    parts = {name: model.get_submodule(name).state_dict() for name in head}
    return _tensors({f"{name}.{key}": t for name, part in parts.items() for key, t in part.items()})


def _tensors(state: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name: tensor.detach().cpu().contiguous() for name, tensor in state.items()}
