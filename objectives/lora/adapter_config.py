"""LoRA configuration of a trial, and its conversion to PEFT and bitsandbytes configurations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from peft import LoraConfig, TaskType
from torch import nn
from transformers import BitsAndBytesConfig

from objectives.lora.settings import BindingSettings
from sweep.study.lora_scaling import LoraScaling


@dataclass(frozen=True)
class AdapterConfig:
    """LoRA hyperparameters of one trial."""

    rank: int  # rank of each adapter; 0 for none
    alpha: float  # LoRA's alpha
    targets: str  # the target set in canonical form, for display
    modules: tuple[str, ...]  # full paths of the adapted modules; empty for none
    dropout: float = 0.0  # dropout probability on the adapters' input
    rslora: bool = False  # scale by alpha / sqrt(rank) instead of alpha / rank

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

    @property
    def scale(self) -> float:
        """The factor on the low-rank update; 0 without adapters."""
        if not self.rank:
            return 0.0
        return LoraScaling(self.rank, self.alpha, rslora=self.rslora).factor

    def to_peft(self, head: Sequence[str]) -> LoraConfig:
        """The equivalent ``peft.LoraConfig``; ``head`` modules are trained in full."""
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
    """NF4 with double quantisation for all linear layers except the head.

    The head must be listed: bitsandbytes would quantise it too, and it could not be trained.

    Source: QLoRA, Dettmers et al. 2023, arXiv:2305.14314.
    """
    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=compute_dtype,
        llm_int8_skip_modules=list(head),
    )


def trainable_parameters(model: nn.Module, config: AdapterConfig, head: Sequence[str]) -> int:
    """Number of parameters a trial trains, as PEFT counts them, head included.

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
