"""Load, quantise and freeze a base model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn
from transformers import AutoModelForTokenClassification, PreTrainedModel

from objectives.data.chain import CLASSES
from objectives.data.errors import listed
from objectives.lora.adapter_config import four_bit_config
from objectives.lora.base.checks import NO_TRUST, Trust, check_folder, reading
from objectives.lora.base.config import load_config, no_warnings, quiet_libraries, skeleton
from objectives.lora.settings import BindingSettings
from objectives.lora.target_modules import UNUSED, inside
from sweep.errors import SpecError, fault


@dataclass(frozen=True)
class Precision:
    """Device, compute dtype and quantisation of a base model."""

    device: torch.device  # the torch device
    compute_dtype: torch.dtype  # of the matrix products; trained parameters stay in float32
    quantization: str  # ``nf4`` or ``none``

    @property
    def dtype_name(self) -> str:
        """Name of the compute dtype, such as ``bfloat16``."""
        return str(self.compute_dtype).removeprefix("torch.")

    @classmethod
    def from_settings(cls, settings: BindingSettings) -> Precision:
        """Resolve ``auto`` for this machine.

        Raises:
            SpecError: for a GPU that does not exist, or float16 on a CPU.
        """
        name = settings.device
        gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
        if name == "auto":
            name = "cuda" if gpus else "cpu"
        device = torch.device(name)
        if device.type == "cuda" and (device.index or 0) >= gpus:
            rule = f"name a GPU of this machine, which has {gpus}"
            way_out = "Use 'auto' or 'cpu'"
            raise SpecError(fault("settings.device", rule, settings.device, way_out=way_out))
        dtype = settings.compute_dtype
        if dtype == "auto":
            dtype = "bfloat16" if device.type == "cuda" else "float32"
        if dtype == "float16" and device.type == "cpu":
            rule = (
                "not be 'float16' on a CPU, which has no fast float16 product and whose gradients "
                "underflow"
            )
            way_out = "Use 'auto' or 'float32'"
            raise SpecError(fault("settings.compute_dtype", rule, dtype, way_out=way_out))
        return cls(device, getattr(torch, dtype), settings.quantization)


@dataclass(frozen=True)
class Base:
    """A loaded, frozen token classifier."""

    model: PreTrainedModel  # the model, with all parameters frozen
    head: tuple[str, ...]  # names of the head modules, of which each trial trains a fresh copy
    precision: Precision  # device, compute dtype and quantisation
    # paths of linear layers in the head that trials start with as pretrained: ModernBERT has one
    pretrained: frozenset[str] = frozenset()


def head_modules(model: PreTrainedModel) -> tuple[str, ...]:
    """Names of the modules that a token classifier puts on top of its encoder.

    Raises:
        SpecError: if there are none.
    """
    head = tuple(
        name
        for name, child in model.named_children()
        if name != model.base_model_prefix and next(child.parameters(), None) is not None
    )
    if not head:
        raise SpecError(fault("base", "have a token classification head", type(model).__name__))
    return head


def load_base(
    folder: Path, precision: Precision, trust: Trust = NO_TRUST, outputs: int = CLASSES
) -> Base:
    """Load a base, quantise it and freeze it.

    Args:
        folder: a model in ``transformers`` format.
        precision: device, compute dtype and quantisation.
        trust: whether pickled weights and custom code are allowed.
        outputs: number of outputs of the head.

    Raises:
        SpecError: if the folder is missing, damaged or not trusted, or if its weights leave
            encoder layers randomly initialised, which a sweep would not reveal.
    """
    quiet_libraries()
    check_folder(folder, trust)  # again: it may have changed since it was located
    head = head_modules(skeleton(folder, trust, outputs))
    options: dict[str, Any] = {}
    if precision.quantization == "nf4":
        options["quantization_config"] = four_bit_config(precision.compute_dtype, head)
    if precision.device.type != "cpu":
        options["device_map"] = {"": precision.device}
    model, lacking = _load(folder, trust, head, options, outputs)
    model.requires_grad_(False)
    _unmap(model)
    return Base(model, head, precision, frozenset(_pretrained(model, head, lacking, outputs)))


def _unmap(model: nn.Module) -> None:
    """Copy tensors out of memory-mapped weight files, which may be overwritten during a sweep."""
    for tensor in (*model.parameters(), *model.buffers()):
        if tensor.device.type == "cpu" and tensor.is_floating_point():  # NF4 is a copy already
            tensor.data = tensor.data.clone()


def check_weights(folder: Path, trust: Trust = NO_TRUST, outputs: int = CLASSES) -> None:
    """Refuse weights that ``load_base`` would refuse, by names and shapes, without reading them.

    Args:
        folder: a model in ``transformers`` format.
        trust: whether pickled weights and custom code are allowed.
        outputs: number of outputs of the head.

    Raises:
        SpecError: see ``load_base``.
    """
    check_folder(folder, trust)
    head = head_modules(skeleton(folder, trust, outputs))
    _load(folder, trust, head, {"device_map": "meta"}, outputs)


def _load(
    folder: Path, trust: Trust, head: Sequence[str], options: Mapping[str, Any], outputs: int
) -> tuple[PreTrainedModel, list[str]]:
    """The token classifier, and the names of parameters missing or misshapen in the weights."""
    config = load_config(folder, trust, outputs)
    rule = "hold weights that transformers reads"
    with reading(folder, rule), torch.random.fork_rng(), no_warnings():
        model, found = AutoModelForTokenClassification.from_pretrained(
            folder,
            config=config,
            dtype=torch.float32,  # of what is not quantised; float16 files are converted
            ignore_mismatched_sizes=True,  # a head for other classes is replaced anyway
            output_loading_info=True,
            use_safetensors=None if trust.pickle else True,  # None: fall back to pickles
            trust_remote_code=trust.code,
            **options,
        )
    lacking = [*found["missing_keys"], *(entry[0] for entry in found["mismatched_keys"])]
    _check_filled(folder, lacking, head)
    return model, lacking


def _pretrained(
    model: PreTrainedModel, head: Sequence[str], lacking: Sequence[str], outputs: int
) -> Iterator[str]:
    """Paths of linear layers in the head with pretrained weights, except the output layer."""
    for name in head:
        for path, module in model.get_submodule(name).named_modules(prefix=name):
            inner = isinstance(module, nn.Linear) and module.out_features != outputs
            if inner and path != name and f"{path}.weight" not in lacking:
                yield path


def _check_filled(folder: Path, keys: Sequence[str], head: Sequence[str]) -> None:
    """Refuse weights that leave part of the encoder randomly initialised."""
    bad = sorted(key for key in keys if not inside(key, (*head, *UNUSED)))
    if bad:
        rule = "hold every weight of the encoder its config.json describes"
        where = f"missing or misshapen: {listed(bad, most=3)}"
        way_out = "Check that weights and config.json belong together"
        raise SpecError(fault("base", rule, str(folder), where=where, way_out=way_out))


def encoder_parameters(model: nn.Module, head: Sequence[str]) -> int:
    """Number of parameters of the frozen encoder; pass the skeleton: NF4 packs the shapes."""
    named = model.named_parameters()
    return sum(p.numel() for name, p in named if not inside(name, (*head, *UNUSED)))
