from __future__ import annotations

import copy
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace

import pytest
import torch
from bitsandbytes.nn import Linear4bit
from peft import get_peft_model
from torch import nn
from transformers import EsmForTokenClassification

from objectives.lora.adapter_config import AdapterConfig, trainable_parameters
from objectives.lora.base.load import Base
from objectives.lora.settings import BindingSettings
from objectives.lora.target_modules import resolve
from objectives.lora.training.inputs import Inputs
from objectives.lora.training.trial import Trial

HEAD = ("classifier",)


def adapter(model: nn.Module, targets: str, rank: int = 4, **changes: object) -> AdapterConfig:
    """A target set's adapter on a model."""
    modules = resolve(model, targets, HEAD).modules
    config = AdapterConfig.from_settings(BindingSettings(rank=rank, targets=targets), modules)
    return replace(config, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("targets", "rank", "expected"),
    [
        ("query", 8, 30_720 + 642),
        ("qkv", 8, 92_160 + 642),
        ("qkv", 2, 23_682),
        ("dense", 4, 92_160 + 642),
        ("none", 8, 642),
        ("all-linear", 0, 642),
    ],
)
def test_trainable_parameters_on_esm2_8m(
    esm2_8m: EsmForTokenClassification, targets: str, rank: int, expected: int
) -> None:
    """Rank times inputs plus outputs of each module, and the head; the model card's is 23 682."""
    assert trainable_parameters(esm2_8m, adapter(esm2_8m, targets, rank), HEAD) == expected


@pytest.mark.filterwarnings("ignore:.*is_gradient_checkpointing.*:FutureWarning")
@pytest.mark.parametrize("targets", ["query", "mlp.down", "attention", "all-linear"])
def test_parameters_are_counted_as_in_peft(
    esm2_8m: EsmForTokenClassification, targets: str
) -> None:
    """The count from shapes equals that of PEFT's model."""
    config = adapter(esm2_8m, targets)
    theirs = get_peft_model(copy.deepcopy(esm2_8m), config.to_peft(HEAD))

    assert theirs.get_nb_trainable_parameters()[0] == trainable_parameters(esm2_8m, config, HEAD)


@pytest.mark.parametrize(
    ("targets", "rank"), [("query", 4), ("all-linear", 3), ("none", 8), ("mlp.down", 0)]
)
def test_parameters_are_counted_as_in_a_lane(
    trial_of: Callable[..., AbstractContextManager[Trial]],
    tiny_inputs: Inputs,
    targets: str,
    rank: int,
) -> None:
    """Without the padding of the lane's slots."""
    model = tiny_inputs.skeleton
    with trial_of(BindingSettings(device="cpu", rank=rank, targets=targets, steps=1)) as trial:
        counted = sum(p.numel() for p in trial.lane.trained.values())

    assert counted == trainable_parameters(model, adapter(model, targets, rank), HEAD)


def test_the_encoder_is_nf4_and_the_head_is_not(tiny_base: Base) -> None:
    """All linear layers of the encoder are NF4 with double quantisation; the head is float32."""
    encoder = [m for m in tiny_base.model.esm.encoder.modules() if isinstance(m, nn.Linear)]

    assert len(encoder) == 12
    assert all(isinstance(layer, Linear4bit) for layer in encoder)
    assert {layer.weight.quant_state.quant_type for layer in encoder} == {"nf4"}
    assert all(layer.weight.quant_state.nested for layer in encoder)
    assert type(tiny_base.model.classifier) is nn.Linear
    assert tiny_base.model.classifier.weight.dtype is torch.float32


@pytest.mark.filterwarnings("ignore:.*is_gradient_checkpointing.*:FutureWarning")
@pytest.mark.parametrize(("rslora", "scaling"), [(False, 2.0), (True, 4.0)])
def test_peft_gets_rank_alpha_dropout_and_rslora(
    esm2_8m: EsmForTokenClassification, *, rslora: bool, scaling: float
) -> None:
    """Alpha 8 at rank 4 is scaling 2, with rsLoRA 4; also by our own computation."""
    config = adapter(esm2_8m, "query", alpha=8.0, dropout=0.25, rslora=rslora)
    model = get_peft_model(copy.deepcopy(esm2_8m), config.to_peft(HEAD))
    layer = model.get_submodule(f"base_model.model.{config.modules[0]}")

    assert layer.scaling["default"] == config.scale == scaling  # type: ignore[index]
    assert layer.r["default"] == 4  # type: ignore[index]
    assert layer.lora_dropout["default"].p == 0.25  # type: ignore[index, union-attr]


def test_without_adapters_nothing_is_scaled(esm2_8m: EsmForTokenClassification) -> None:
    """Rank 0 has no scaling."""
    config = adapter(esm2_8m, "query", rank=0)

    assert (config.modules, config.scale) == ((), 0.0)
