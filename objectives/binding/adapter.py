"""From a trial's settings to PEFT adapters on a 4-bit base; with ``kept``, alone knows PEFT."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from bitsandbytes.nn.modules import Linear4bit
from peft import LoraConfig, TaskType, get_peft_model
from peft.tuners.lora import LoraLayer
from torch import nn
from transformers import BitsAndBytesConfig, PreTrainedModel

from objectives.binding.quiet import no_warnings
from objectives.binding.seeds import derive
from objectives.binding.settings import BindingSettings
from sweep.errors import TrialError, fault

_NAME = "default"


@dataclass(frozen=True)
class AdapterConfig:
    """One trial's adapter, in this project's terms.

    Attributes:
        rank: rank of each adapter; 0 for none.
        alpha: LoRA's alpha.
        targets: the target set in canonical form, for people.
        modules: full paths of the adapted modules; empty for none.
        dropout: on the adapters' input.
        rslora: scale by alpha / sqrt(rank) instead of alpha / rank.
    """

    rank: int
    alpha: float
    targets: str
    modules: tuple[str, ...]
    dropout: float = 0.0
    rslora: bool = False

    @classmethod
    def from_settings(cls, settings: BindingSettings, modules: Sequence[str]) -> AdapterConfig:
        """The adapter of a trial whose target set resolved to ``modules``."""
        return cls(
            rank=settings.rank,
            alpha=settings.lora_alpha,
            targets=settings.targets,
            modules=tuple(modules) if settings.rank else (),
            dropout=settings.dropout,
            rslora=settings.rslora,
        )

    def to_peft(self, head: Sequence[str]) -> LoraConfig:
        """The same in PEFT's terms; ``head`` modules are trained in full."""
        return LoraConfig(
            task_type=TaskType.TOKEN_CLS,
            r=self.rank,
            lora_alpha=self.alpha,  # type: ignore[arg-type]  # typed int, used as a factor
            lora_dropout=self.dropout,
            use_rslora=self.rslora,
            target_modules=list(self.modules),
            modules_to_save=list(head),
        )


def four_bit_config(compute_dtype: torch.dtype, head: Sequence[str]) -> BitsAndBytesConfig:
    """NF4 with double quantisation for all linear layers but the head.

    The head is listed because bitsandbytes would quantise it too, freshly initialised
    as it is, and a quantised head cannot be trained.

    Source: QLoRA, Dettmers et al. 2023, arXiv:2305.14314.
    """
    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=compute_dtype,
        llm_int8_skip_modules=list(head),
    )


def pin_four_bit(model: nn.Module, compute_dtype: torch.dtype) -> None:
    """Keep bitsandbytes from changing the frozen base while it is used.

    Left alone, a ``Linear4bit`` takes its compute dtype from the first input it sees,
    casts its bias in place, and on CPUs with AVX512-BF16 repacks its weight during
    evaluation for a bfloat16 kernel: later trials would then run on another base.
    """
    for module in model.modules():
        if isinstance(module, Linear4bit):
            module.compute_dtype = compute_dtype
            module.compute_type_is_set = True
            module.support_avx512bf16_for_cpu = False
            if module.bias is not None:
                module.bias.data = module.bias.data.to(compute_dtype)


@contextmanager
def attached(
    model: PreTrainedModel, config: AdapterConfig, head: Sequence[str], seed: int
) -> Iterator[nn.Module]:
    """The model with a fresh head and fresh adapters, for as long as the context lasts.

    On leaving, however that happens, the very modules that were there are put back, so
    the frozen base is bit for bit the same for the next trial.

    Args:
        model: the frozen token classifier.
        config: the adapter; with no modules, only the head is trained.
        head: names of the head modules.
        seed: the trial's seed; decides head and adapter initialisation.

    Yields:
        The module to train: ``requires_grad`` holds for adapters and head alone.

    Raises:
        TrialError: if PEFT adapted other modules than asked for.
    """
    originals = {path: model.get_submodule(path) for path in (*config.modules, *head)}
    model.requires_grad_(False)
    try:
        reset_head(model, head, seed)
        if config.modules:
            with no_warnings():
                adapted: nn.Module = get_peft_model(model, config.to_peft(head), _NAME)
            _check_adapted(model, config)
            _reset_adapters(model, seed)
        else:
            adapted = model
            for name in head:
                model.get_submodule(name).requires_grad_(True)
        yield adapted
    finally:
        for path, module in originals.items():
            model.set_submodule(path, module)
        if hasattr(model, "peft_config"):
            del model.peft_config
        model.requires_grad_(False)
        model.zero_grad(set_to_none=True)


def reset_head(model: PreTrainedModel, head: Sequence[str], seed: int) -> None:
    """Initialise the head as transformers does, from the trial's seed alone."""
    std = getattr(model.config, "initializer_range", 0.02)
    for name in head:
        for path, module in model.get_submodule(name).named_modules():
            if isinstance(module, nn.Linear):
                generator = torch.Generator().manual_seed(derive(seed, "head", name, path))
                fresh = torch.empty(module.weight.shape).normal_(0.0, std, generator=generator)
                with torch.no_grad():
                    module.weight.copy_(fresh)
                    if module.bias is not None:
                        module.bias.zero_()


def _reset_adapters(model: nn.Module, seed: int) -> None:
    """Initialise each adapter as PEFT does, keyed by its module's path.

    Keyed, so that a module starts equal whatever else is adapted; drawn row by row, so
    that a wider adapter begins with the narrower one's rows.
    """
    for path, module in _lora_layers(model):
        a, b = module.lora_A[_NAME].weight, module.lora_B[_NAME].weight
        generator = torch.Generator().manual_seed(derive(seed, "adapter", path))
        fresh = torch.empty(a.shape)
        nn.init.kaiming_uniform_(fresh, a=math.sqrt(5), generator=generator)
        with torch.no_grad():
            a.copy_(fresh)
            b.zero_()


def _lora_layers(model: nn.Module) -> list[tuple[str, Any]]:
    modules = model.named_modules()
    return [(path, module) for path, module in modules if isinstance(module, LoraLayer)]


def _check_adapted(model: nn.Module, config: AdapterConfig) -> None:
    """Trust, but verify: the record of what was adapted must be what PEFT adapted."""
    adapted = {path for path, _ in _lora_layers(model)}
    odd = adapted ^ set(config.modules)
    if odd:
        raise TrialError(fault("the adapted modules", "be those of the target set", sorted(odd)))


def trainable_parameters(model: nn.Module, config: AdapterConfig, head: Sequence[str]) -> int:
    """How many parameters a trial trains, as PEFT counts them, head included.

    Args:
        model: the token classifier; its weights may be on the meta device.
        config: the adapter.
        head: names of the head modules.
    """
    shapes: Mapping[str, nn.Module] = dict(model.named_modules())
    adapters = 0
    for path in config.modules:
        outputs, inputs = shapes[path].out_features, shapes[path].in_features
        adapters += config.rank * (int(outputs) + int(inputs))  # type: ignore[arg-type]
    return adapters + sum(p.numel() for name in head for p in shapes[name].parameters())
