"""Save trained adapters in PEFT's format, with a record of the trial."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from importlib.metadata import version
from typing import Any

import torch
from safetensors.torch import save
from transformers import PreTrainedTokenizerFast

from objectives import builtin
from objectives.lora.adapter_config import AdapterConfig, four_bit_config
from objectives.lora.base.source import BUILTIN
from objectives.lora.packed.lane_parameters import Adapters
from objectives.lora.packed.model import PackedModel
from objectives.lora.settings import BindingSettings
from objectives.lora.training.inputs import Inputs
from sweep.files.location import Location, clear_scratch, put_folder
from sweep.files.strict_json import strict_document

LIBRARIES = ("torch", "transformers", "peft", "bitsandbytes", "datasets", "scikit-learn")
"""Libraries whose versions a result depends on."""

_FOUR_BIT = (
    "load_in_4bit",
    "bnb_4bit_quant_type",
    "bnb_4bit_use_double_quant",
    "llm_int8_skip_modules",
)

_PREFIX = "base_model.model."  # prefix of parameter names in PEFT's files
log = logging.getLogger("lorasweep")


def library_versions() -> dict[str, str]:
    """The installed versions of ``LIBRARIES``."""
    return {name: version(name) for name in LIBRARIES}


def how_to_load(model: PackedModel, inputs: Inputs, settings: BindingSettings) -> dict[str, Any]:
    """Everything about the base that is needed to reproduce predictions without lorasweep.

    Returns:
        A JSON tree: ``labels`` (how many classes), ``dtype`` (of what is not quantised),
        ``compute_dtype``, ``four_bit`` (keyword arguments of ``BitsAndBytesConfig`` except
        the compute dtype; None without quantisation), ``trust_remote_code``, ``embedded``
        (package and folder of a base shipped with lorasweep; None for others),
        ``max_residues`` (per window) and ``tokens`` (how residues are written: the tokenizer's
        class, the text after each letter, the separator of residues, and the number of special
        tokens before and after them).
    """
    precision, base = model.precision, inputs.about_base()["name"]
    four_bit = None
    if precision.quantization == "nf4":
        made = four_bit_config(precision.compute_dtype, model.head)
        four_bit = {name: getattr(made, name) for name in _FOUR_BIT}
    as_written = type(inputs.tokenizer) is PreTrainedTokenizerFast
    embedded = None
    if base.startswith(BUILTIN):
        embedded = [builtin.__name__, builtin.path(base.removeprefix(BUILTIN)).name]
    return {
        "labels": inputs.skeleton.config.num_labels,
        "dtype": "float32",
        "compute_dtype": precision.dtype_name,
        "four_bit": four_bit,
        "trust_remote_code": settings.trust_remote_code,
        "embedded": embedded,
        "max_residues": inputs.max_residues,
        "tokens": {
            "reader": "PreTrainedTokenizerFast" if as_written else "AutoTokenizer",
            **asdict(inputs.alphabet.spelling),
            "before": len(inputs.alphabet.before),
            "after": len(inputs.alphabet.after),
        },
    }


def keep_adapter(
    folder: Location, adapters: Adapters, head: Sequence[str], base: str, record: Mapping[str, Any]
) -> None:
    """Save a trained adapter and its head, or the head alone, with a record of the trial.

    An adapter is ``adapter_model.safetensors`` and ``adapter_config.json``, for
    ``PeftModel.from_pretrained``; a head alone is ``head.safetensors``, to be loaded into
    the base's state dict. If the folder cannot be written, a warning is logged.

    Args:
        folder: to write; an adapter in it is replaced.
        adapters: the trained parameters.
        head: names of the head modules.
        base: the base's name, for the adapter's configuration.
        record: a JSON tree, written to ``trial.json`` with the digests of the other files.
    """
    state = {name: tensor.cpu().contiguous() for name, tensor in adapters.state().items()}
    if adapters.config.modules:
        files = _adapter_files(state, adapters.config, head, base)
    else:
        files = {"head.safetensors": save(state, {"format": "pt"})}
    written = {
        **record,
        "base": base,
        "versions": library_versions(),
        "sha256": {name: hashlib.sha256(content).hexdigest() for name, content in files.items()},
    }
    text = json.dumps(strict_document(written), indent=2, allow_nan=False)
    clear_scratch(folder)
    try:
        put_folder(folder, {**files, "trial.json": text.encode()})
    except OSError as error:
        log.warning("the adapter %s cannot be written (%s)", folder, error)


def _adapter_files(
    state: Mapping[str, torch.Tensor], config: AdapterConfig, head: Sequence[str], base: str
) -> dict[str, bytes]:
    """The files that PEFT's ``save_pretrained`` writes, except the model card."""
    peft = config.to_peft(head)
    peft.base_model_name_or_path = base
    peft.inference_mode = True
    tree = peft.to_dict()
    # Full paths: PEFT shortens them to suffixes, which could match more in another model class.
    tree["target_modules"] = list(config.modules)
    for name, value in tree.items():
        if isinstance(value, set):
            tree[name] = sorted(value)
    named = {f"{_PREFIX}{name}": tensor for name, tensor in state.items()}
    return {
        "adapter_model.safetensors": save(named, {"format": "pt"}),
        "adapter_config.json": json.dumps(tree, indent=2, sort_keys=True).encode(),
    }
