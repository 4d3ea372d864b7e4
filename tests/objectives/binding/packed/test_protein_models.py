"""Protein models with other tokenizers than ESM-2's, and T5 encoders: as a plain loop has them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import protein_tokenizers as made
import pytest
import torch
from packed_reference import furthest, plain_run
from packed_runs import Run, run_pack
from transformers import (
    BertConfig,
    BertModel,
    EsmConfig,
    EsmModel,
    T5Config,
    T5EncoderModel,
    T5ForConditionalGeneration,
)

from objectives.binding.inputs import Inputs
from objectives.binding.settings import BindingSettings
from sweep.trial import TrialParams

FIXED = BindingSettings(
    device="cpu", batch_tokens=256, train_metric_chains=0, steps=10, learning_rate=3e-3
)
STILL = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
SIZES = {"num_hidden_layers": 2, "hidden_size": 32, "num_attention_heads": 4}
T5 = {"d_model": 32, "d_kv": 8, "d_ff": 64, "num_layers": 2, "num_heads": 4, "pad_token_id": 0}
ESM2 = {"mask_token_id": 4, "position_embedding_type": "rotary", "token_dropout": True}
GATED = {"feed_forward_proj": "gated-gelu", "tie_word_embeddings": False}
PACK = [
    TrialParams(0, {"targets": "all-linear", "rank": 4}, seed=0),
    TrialParams(1, {"targets": "query+value", "rank": 8, "scaling": 9, "dropout": 0.2}, seed=1),
    TrialParams(2, {"targets": "none", "rank": 0, "learning_rate": 1e-2}, seed=2),
]


@dataclass(frozen=True)
class Model:
    """A small random base.

    Attributes:
        tokenizer: its own.
        config: class of its configuration.
        kind: class that is saved.
        shape: of it.
        rows: whether windows are padded, for attention that cannot be told where they end.
    """

    tokenizer: Callable[[Path], Any]
    config: Any
    kind: Any
    shape: dict[str, Any]
    rows: bool = False


MODELS = {
    "ProtBERT": Model(
        made.protbert, BertConfig, BertModel, {**SIZES, "intermediate_size": 64, **STILL}
    ),
    "SaProt": Model(
        made.saprot, EsmConfig, EsmModel,
        {**SIZES, "intermediate_size": 64, "pad_token_id": 1, **ESM2, **STILL},
    ),
    "T5": Model(
        made.prott5, T5Config, T5ForConditionalGeneration, {**T5, "dropout_rate": 0.0}, rows=True
    ),
    "ProtT5, dropping": Model(made.prott5, T5Config, T5EncoderModel, T5, rows=True),
    "Ankh": Model(
        made.ankh, T5Config, T5EncoderModel, {**T5, **GATED, "dropout_rate": 0.0}, rows=True
    ),
    "Ankh, dropping": Model(made.ankh, T5Config, T5EncoderModel, {**T5, **GATED}, rows=True),
}  # fmt: skip


@pytest.fixture(scope="module", params=MODELS)
def name(request: pytest.FixtureRequest) -> str:
    """One of the models."""
    return str(request.param)


@pytest.fixture(scope="module")
def folder(name: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """That model on disk, its relative positions weighing as much as they do in a trained one."""
    folder = tmp_path_factory.mktemp(name.partition(",")[0])
    save(MODELS[name], folder)
    return folder


@pytest.fixture(scope="module")
def runs(folder: Path, tiny_data: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[int, Run]:
    """A pack of mixed trials on it."""
    cache = str(tmp_path_factory.mktemp("cache"))
    inputs = Inputs({"data": str(tiny_data), "base": str(folder), "cache": cache}, FIXED)
    return run_pack(inputs, FIXED, PACK)


@pytest.mark.parametrize("number", range(len(PACK)))
def test_a_lane_over_a_protein_model_equals_a_plain_loop(
    name: str, folder: Path, runs: dict[int, Run], number: int
) -> None:
    """Ten steps, with the model's own dropouts and without."""
    run = runs[number]
    plain = plain_run(folder, run, masked=True, rows=MODELS[name].rows)

    assert furthest(run.losses, plain.losses) < 1e-5
    assert run.result is not None
    assert run.result.value == plain.validation["mcc"]
    assert min(plain.losses) < 0.95 * plain.losses[0]
    assert run.trial.model._flat is not MODELS[name].rows


def save(model: Model, folder: Path) -> None:
    """Write a model and its tokenizer as their libraries do."""
    torch.manual_seed(0)
    tokenizer = model.tokenizer(folder)
    shape = {"pad_token_id": tokenizer.pad_token_id} | model.shape
    base = model.kind(model.config(vocab_size=len(tokenizer), **shape))
    with torch.no_grad():
        for path, module in base.named_modules():
            if path.endswith("relative_attention_bias"):
                module.weight.normal_()
    base.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
