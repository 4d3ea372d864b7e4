"""Packed training on encoders of other architectures, sizes and layouts."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from packed_masks import padded
from packed_reference import MATRICES, furthest, plain_run
from packed_runs import Run, run_pack
from peft import LoraConfig, get_peft_model
from transformers import (
    BertConfig,
    BertModel,
    EsmConfig,
    EsmForTokenClassification,
    EsmModel,
    EsmTokenizer,
    RobertaConfig,
    RobertaModel,
)

from objectives.data.prepare.windows import Windows
from objectives.lora.adapter_config import AdapterConfig, trainable_parameters
from objectives.lora.base.load import Base, Precision
from objectives.lora.packed.layout import LaneBatch
from objectives.lora.packed.model import PackedModel
from objectives.lora.settings import BindingSettings
from objectives.lora.target_modules import resolve
from objectives.lora.training.evaluate import predict
from objectives.lora.training.inputs import Inputs
from objectives.tasks.residue_binary import ResidueBinary
from sweep.study.trial import TrialParams

FIXED = BindingSettings(
    device="cpu", batch_tokens=256, train_metric_chains=0, steps=12, learning_rate=3e-3
)
SHAPE = {
    "vocab_size": 33,
    "pad_token_id": 1,
    "max_position_embeddings": 132,
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 64,
}
STILL = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
ESM2 = {"mask_token_id": 32, "position_embedding_type": "rotary", "token_dropout": True}
ENCODERS: dict[str, tuple[Any, Any, dict[str, Any]]] = {
    "bert": (BertConfig, BertModel, {}),
    "roberta": (RobertaConfig, RobertaModel, {}),
    "esm-1b": (EsmConfig, EsmModel, {"emb_layer_norm_before": True}),  # absolute positions
    "esm-2": (EsmConfig, EsmModel, ESM2),
}
PACK = [
    TrialParams(0, {"targets": "all-linear", "rank": 4}, seed=0),
    TrialParams(1, {"targets": "query+value", "rank": 8, "scaling": 9, "dropout": 0.2}, seed=1),
    TrialParams(2, {"targets": "none", "rank": 0, "learning_rate": 1e-2}, seed=2),
    TrialParams(3, {"targets": "encoder.layer.1.output.dense", "rank": 2}, seed=3),
]
LARGE = pytest.mark.integration
SIZES = {"8M": (6, 320), "35M": (12, 480), "150M": (30, 640), "650M": (33, 1280)}


@pytest.fixture(
    scope="module",
    params=[
        pytest.param("bert", marks=pytest.mark.integration),
        "bert, dropping",
        pytest.param("roberta, dropping", marks=pytest.mark.integration),
        "esm-1b",
        pytest.param("esm-2, dropping", marks=pytest.mark.integration),
    ],
)
def encoder(
    request: pytest.FixtureRequest, tiny_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A random encoder on disk, with dropout 0.1 if its kind has it."""
    name, _, dropping = request.param.partition(", ")
    config, kind, special = ENCODERS[name]
    folder = tmp_path_factory.mktemp(name)
    torch.manual_seed(0)
    made = config(**{**SHAPE, **special, **({} if dropping else STILL)})
    kind(made, add_pooling_layer=False).save_pretrained(folder)
    EsmTokenizer(str(tiny_folder / "vocab.txt"), model_max_length=128).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def inputs_of(
    tiny_data: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[Path], Inputs]:
    """A function that gives the tiny data with another base."""
    cache = str(tmp_path_factory.mktemp("cache"))
    return lambda base: Inputs(
        {"data": str(tiny_data), "base": str(base), "cache": cache}, FIXED, ResidueBinary
    )


@pytest.fixture(scope="module")
def inputs(encoder: Path, inputs_of: Callable[[Path], Inputs]) -> Inputs:
    """The encoder on the tiny data."""
    return inputs_of(encoder)


@pytest.fixture(scope="module")
def runs(inputs: Inputs) -> dict[int, Run]:
    """A pack of mixed trials on it."""
    return run_pack(inputs, FIXED, PACK)


@pytest.mark.parametrize("number", range(len(PACK)))
def test_a_lane_over_another_encoder_equals_a_plain_loop(
    encoder: Path, runs: dict[int, Run], number: int
) -> None:
    """BERT and RoBERTa, with their own dropouts and without."""
    run = runs[number]
    plain = plain_run(encoder, run, masked=True)

    assert furthest(run.losses, plain.losses) < 1e-5
    assert run.result is not None
    assert run.result.value == plain.validation["mcc"]
    assert min(plain.losses) < 0.95 * plain.losses[0]


def test_a_lane_over_another_encoder_has_the_same_bits_alone(
    inputs: Inputs, runs: dict[int, Run]
) -> None:
    """The base's own dropout depends on the trial, not on the pack."""
    params = PACK[1]

    assert run_pack(inputs, FIXED, [params])[params.number].bits == runs[params.number].bits


def test_lanes_over_another_encoder_train_batched_as_one_by_one(
    inputs: Inputs, runs: dict[int, Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Batched as on a GPU, including the base's own dropout."""
    monkeypatch.setattr(runs[0].trial.model, "batched", True)
    at_once = run_pack(inputs, FIXED, PACK)

    for number, run in runs.items():
        assert furthest(at_once[number].losses, run.losses) < 1e-5


def test_a_base_with_dropout_caches_no_frozen_layers(encoder: Path, runs: dict[int, Run]) -> None:
    """Cached hidden states would be without dropout in every step."""
    skipped = [run.trial.skip for run in runs.values()]
    still = 'hidden_dropout_prob": 0.0' in (encoder / "config.json").read_text()

    assert skipped == ([0, 0, 2, 1] if still else [0, 0, 0, 0])


@pytest.mark.parametrize(
    "size", [pytest.param(size, marks=LARGE if size in {"150M", "650M"} else ()) for size in SIZES]
)
def test_every_target_set_resolves_in_every_size(size: str) -> None:
    """With as many modules and parameters as in PEFT, and as the shapes imply."""
    layers, hidden = SIZES[size]
    with torch.device("meta"):
        model = EsmForTokenClassification(esm(layers, hidden))
    square, wide = 2 * hidden, 5 * hidden  # inputs and outputs together, per rank
    per_layer = {
        "query+value": 2 * square,
        "qkv": 3 * square,
        "attention": 4 * square,
        "mlp": 2 * wide,
        "attention+mlp.down": 4 * square + wide,
        "all-linear": 4 * square + 2 * wide,
        "key": square,
        "mlp.up": wide,
    }
    counted = {t: 8 * n * layers + 2 * hidden + 2 for t, n in per_layer.items()}
    for targets, expected in counted.items():
        modules = resolve(model, targets, ("classifier",)).modules
        config = AdapterConfig(8, 8.0, targets, modules)
        assert trainable_parameters(model, config, ("classifier",)) == expected
    lora = LoraConfig(task_type="TOKEN_CLS", r=8, target_modules=MATRICES["all-linear"])
    with torch.device("meta"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        plain = get_peft_model(model, lora)
    assert plain.get_nb_trainable_parameters()[0] == counted["all-linear"]


def esm(layers: int, hidden: int) -> EsmConfig:
    """ESM-2 in another size."""
    return EsmConfig(
        vocab_size=33,
        pad_token_id=1,
        hidden_size=hidden,
        num_hidden_layers=layers,
        num_attention_heads=20,
        intermediate_size=4 * hidden,
        max_position_embeddings=1026,
        **ESM2,
        **STILL,
    )


class RowByRow(EsmForTokenClassification):
    """A model class without support for custom attention functions."""

    _supports_attention_backend = False


def packed(
    kind: type[EsmForTokenClassification], layers: int, hidden: int, dropping: float = 0.0
) -> Any:
    """A random model of transformers, and the same in the engine."""
    torch.manual_seed(0)
    config = esm(layers, hidden)
    config.attention_probs_dropout_prob = dropping
    stock = kind(config).eval().requires_grad_(False)
    precision = Precision(torch.device("cpu"), torch.float32, "none")
    model = PackedModel(Base(copy.deepcopy(stock), ("classifier",), precision), "auto", 1)
    return stock, model


def chains(*lengths: int) -> Windows:
    """Random windows of this many tokens, all labelled."""
    rng = np.random.default_rng(1)
    rows = tuple(rng.integers(4, 24, n) for n in lengths)
    labels = tuple(rng.integers(0, 2, n) for n in lengths)
    return Windows(rows, labels, labels)


@pytest.mark.parametrize(
    ("layers", "hidden", "lengths"),
    [
        (2, 80, (40, 3, 77)),
        pytest.param(2, 1280, (40, 3, 77), marks=pytest.mark.integration),
        pytest.param(2, 320, (1024, 3, 12, 300, 64), marks=pytest.mark.integration),
    ],
    ids=["narrow", "as wide as 650M", "1 022 residues beside one"],
)
@pytest.mark.parametrize("kind", [EsmForTokenClassification, RowByRow])
def test_a_pass_has_the_logits_of_the_padded_model(
    kind: type[EsmForTokenClassification], layers: int, hidden: int, lengths: tuple[int, ...]
) -> None:
    """For two lanes with windows of different lengths, one with untrained adapters."""
    stock, model = packed(kind, layers, hidden)
    modules = resolve(stock, "all-linear", model.head).modules
    windows, order = chains(*lengths), (*range(len(lengths)),)
    shares, expected = [], []
    for number, indices in enumerate((order, order[:0:-1])):
        config = AdapterConfig(4, 4.0, "all-linear", modules[: number * len(modules)])
        lane = model.add_lane(config, number, 1000 * number)
        shares.append(LaneBatch(lane, windows, indices))
        stock.classifier.load_state_dict(lane.heads["classifier"].state_dict())
        batch = padded(windows, indices)
        with torch.no_grad():
            logits = stock(input_ids=batch.ids, attention_mask=batch.mask).logits
        expected.append(logits[batch.mask.bool()])
    with torch.no_grad():
        made = model.logits(shares)

    for one, other in zip(made, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-5)
        assert other.std() > 0.1


@pytest.mark.parametrize("kind", [EsmForTokenClassification, RowByRow])
def test_a_budget_below_a_chain_changes_no_margin(kind: type[EsmForTokenClassification]) -> None:
    """Such a chain is a batch of its own; the margins keep the windows' order."""
    stock, model = packed(kind, 2, 80)
    config = AdapterConfig(2, 2.0, "query", resolve(stock, "query", model.head).modules)
    lanes = [model.add_lane(config, seed, 100) for seed in (0, 1)]
    windows = chains(130, 20, 31, 8, 55)
    narrow, wide = (
        predict(ResidueBinary(FIXED, {}), model, lanes, windows, budget) for budget in (40, 4000)
    )

    for one, other in zip(narrow, wide, strict=True):
        np.testing.assert_allclose(one.margin, other.margin, rtol=1e-4, atol=1e-5)
        assert (one.labels == np.concatenate(windows.labels)).all()
    assert np.abs(narrow[0].margin - narrow[1].margin).max() > 0.1


@pytest.mark.integration
def test_padded_rows_train_as_the_flat_layout(
    tiny_inputs: Inputs,
    inputs_of: Callable[[Path], Inputs],
    tiny_folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """For models whose attention takes no window lengths: same masks, same bits in any pack."""
    flat = run_pack(tiny_inputs, FIXED, PACK)
    monkeypatch.setattr(EsmForTokenClassification, "_supports_attention_backend", False)
    inputs = inputs_of(tiny_folder)
    rows = run_pack(inputs, FIXED, PACK)

    assert [run.trial.skip for run in flat.values()] == [0, 0, 2, 1]
    assert [run.trial.skip for run in rows.values()] == [0, 0, 0, 0]
    for number, run in flat.items():
        assert furthest(rows[number].losses, run.losses) < 1e-5
        assert rows[number].result.value == run.result.value
        assert run_pack(inputs, FIXED, [PACK[number]])[number].bits == rows[number].bits


def test_odd_sizes_have_the_same_bits_in_any_pack(
    inputs_of: Callable[[Path], Inputs], tiny_folder: Path, tmp_path: Path
) -> None:
    """Rows of 42 numbers are unaligned, and rounding of products depends on alignment."""
    torch.manual_seed(0)
    odd = {**SHAPE, "hidden_size": 42, "num_attention_heads": 3, "intermediate_size": 101}
    EsmModel(EsmConfig(**odd, **ESM2, **STILL), add_pooling_layer=False).save_pretrained(tmp_path)
    EsmTokenizer(str(tiny_folder / "vocab.txt"), model_max_length=128).save_pretrained(tmp_path)
    inputs = inputs_of(tmp_path)
    together = run_pack(inputs, FIXED, PACK)

    for params in PACK:
        alone = run_pack(inputs, FIXED, [params])
        assert alone[params.number].bits == together[params.number].bits


def test_dropout_within_attention_depends_only_on_the_trial() -> None:
    """Not on earlier draws or other lanes; another step or seed gives other masks."""
    _, model = packed(RowByRow, 2, 80, dropping=0.3)
    lanes = [model.add_lane(AdapterConfig(0, 0.0, "none", ()), seed, 100) for seed in (0, 1)]
    windows = chains(30, 20)

    def logits(*which: tuple[int, int]) -> list[torch.Tensor]:
        shares = [LaneBatch(lanes[lane], windows, (0, 1), step) for lane, step in which]
        return list(model.logits(shares))

    (first,) = logits((0, 1))
    torch.manual_seed(9)
    before = torch.get_rng_state()
    other, again = logits((1, 1), (0, 1))
    assert torch.equal(torch.get_rng_state(), before)
    (later,) = logits((0, 2))

    assert torch.equal(first, again)
    assert not torch.equal(first, later)
    lanes[1].heads["classifier"].load_state_dict(lanes[0].heads["classifier"].state_dict())
    assert not torch.equal(logits((1, 1))[0], first)
    assert not torch.equal(other, first)
