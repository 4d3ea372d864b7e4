"""The pre-training recipe, run end to end at a toy size."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random

import pytest
import torch
from transformers import AutoTokenizer, EsmForMaskedLM
from transformers.models.esm import modeling_esm

from objectives.builtin import corpus, pretrain, training
from objectives.data.motifs import STANDARD
from objectives.gelu import fused_gelu


@pytest.fixture
def toy(tmp_path: Path) -> list[str]:
    """Return the options of a two-step run on random proteins."""
    random = Random(0)
    lines = [f">p{i}\n{''.join(random.choices(STANDARD, k=120))}" for i in range(60)]
    fasta = tmp_path / "toy.fasta"
    fasta.write_text("\n".join(lines) + "\n")
    size = "--hidden 64 --layers 1 --heads 2 --crop 32 --rows 4 --threads 1 --held-out-percent 20"
    return ["--fasta", str(fasta), "--steps", "2", *size.split()]


def test_a_run_writes_a_loadable_base_and_its_record(toy: list[str], tmp_path: Path) -> None:
    """The folder loads as model and tokenizer; the record holds settings and perplexities."""
    original = modeling_esm.gelu
    pretrain.main([*toy, "--out", str(tmp_path / "base")])
    assert modeling_esm.gelu is original
    model = EsmForMaskedLM.from_pretrained(tmp_path / "base")
    assert model.dtype == torch.float16
    assert AutoTokenizer.from_pretrained(tmp_path / "base").mask_token_id == corpus.MASK
    record = json.loads((tmp_path / "base/pretraining.json").read_text())
    assert record["runs"][0]["steps"] == 2
    assert record["runs"][0]["tokens"] == 2 * 4 * 32
    assert record["runs"][0]["recipe"]["hidden"] == 64
    assert record["held_out"]["unigram"] == pytest.approx(20, abs=2)


def test_the_same_steps_give_the_same_weights(toy: list[str], tmp_path: Path) -> None:
    """With --steps instead of --minutes a run is repeatable."""
    folders = [tmp_path / name for name in ("one", "two")]
    for folder in folders:
        pretrain.main([*toy, "--out", str(folder)])
    one, two = (EsmForMaskedLM.from_pretrained(folder).state_dict() for folder in folders)
    assert all(torch.equal(one[name], two[name]) for name in one)


def test_a_run_continues_an_earlier_one(toy: list[str], tmp_path: Path) -> None:
    """With --init and no rate the weights are the earlier run's, and both runs are on record."""
    pretrain.main([*toy, "--out", str(tmp_path / "one")])
    rest = "--learning-rate 0 --adam-learning-rate 0"
    options = [*toy, "--out", str(tmp_path / "two"), "--init", str(tmp_path / "one")]
    pretrain.main([*options, *rest.split()])
    one, two = (EsmForMaskedLM.from_pretrained(tmp_path / n).state_dict() for n in ("one", "two"))
    assert all(torch.equal(one[name], two[name]) for name in one)
    record = json.loads((tmp_path / "two/pretraining.json").read_text())
    assert [run["recipe"]["learning_rate"] for run in record["runs"]] == [0.006, 0.0]


def test_the_rate_rises_then_falls_to_zero() -> None:
    """Linear warm-up to 1, cosine to 0."""
    assert training.rate(0.0, 0.1) == 0
    assert training.rate(0.05, 0.1) == pytest.approx(0.5)
    assert training.rate(0.1, 0.1) == pytest.approx(1)
    assert training.rate(1.0, 0.1) == pytest.approx(0)


def test_the_fused_gelu_is_the_same_function() -> None:
    """PyTorch's GELU equals ESM's own to 1e-6."""
    x = torch.linspace(-6, 6, 1001)
    expected = modeling_esm.gelu(x)
    with fused_gelu():
        torch.testing.assert_close(modeling_esm.gelu(x), expected, atol=1e-6, rtol=0)
