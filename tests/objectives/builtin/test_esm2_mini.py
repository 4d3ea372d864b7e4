"""The embedded base: small, loadable, ESM-2's vocabulary, and better than residue frequencies."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open
from transformers import AutoModelForTokenClassification, AutoTokenizer, EsmForMaskedLM

from objectives import builtin
from objectives.builtin import corpus, masking
from sweep.errors import SpecError

FOLDER = builtin.path("esm2-mini")
MIB = 2**20


def test_an_unknown_base_is_refused_with_the_known_names() -> None:
    """The message lists what is embedded."""
    with pytest.raises(SpecError, match=r"one of the embedded bases esm2-mini, got 'esm3'"):
        builtin.path("esm3")


def test_the_folder_is_small_and_holds_half_precision() -> None:
    """At most 4 MB in all and 2 million parameters, every floating tensor stored as float16."""
    assert sum(file.stat().st_size for file in FOLDER.iterdir()) <= 4 * MIB
    with safe_open(FOLDER / "model.safetensors", framework="pt") as weights:
        tensors = [weights.get_tensor(name) for name in weights.keys()]  # noqa: SIM118
    assert {t.dtype for t in tensors} == {torch.float16}
    assert sum(t.numel() for t in tensors) <= 2_000_000


def test_the_vocabulary_is_that_of_esm2(shared: Path) -> None:
    """The same 33 tokens in the same order, so that token ids are exchangeable."""
    theirs = (shared / "models/esm2_t6_8m/vocab.txt").read_text(encoding="utf-8").split()
    assert list(corpus.VOCABULARY) == theirs
    assert (FOLDER / "vocab.txt").read_text(encoding="utf-8").split() == theirs


def test_the_tokenizer_agrees_with_the_recipe() -> None:
    """AutoTokenizer gives the ids the recipe trained on, between <cls> and <eos>."""
    tokenizer = AutoTokenizer.from_pretrained(FOLDER)
    sequence = "MKTAYIAKQRQISFVKSHFSRQLEERLGLIEVQWYCXBUZO"
    expected = [corpus.CLS, *corpus.encode(sequence).tolist(), corpus.EOS]
    assert tokenizer(sequence)["input_ids"] == expected
    assert tokenizer.mask_token_id == corpus.MASK


def test_it_loads_as_a_token_classifier_with_all_six_matrices() -> None:
    """Only the head is new, every adaptable matrix is a multiple of NF4's block of 64."""
    model, info = AutoModelForTokenClassification.from_pretrained(
        FOLDER, num_labels=2, dtype=torch.float32, output_loading_info=True
    )
    assert set(info["missing_keys"]) == {"classifier.weight", "classifier.bias"}
    linear = {n: m for n, m in model.named_modules() if isinstance(m, torch.nn.Linear)}
    layers = model.config.num_hidden_layers
    for suffix in (
        "attention.self.query",
        "attention.self.key",
        "attention.self.value",
        "attention.output.dense",
        "intermediate.dense",
        "output.dense",
    ):
        found = [
            m for n, m in linear.items() if n.startswith("esm.encoder") and n.endswith(f".{suffix}")
        ]
        assert len(found) >= layers
        assert all(m.in_features % 64 == 0 for m in found)


def test_held_out_perplexity_was_recorded_clearly_under_unigram() -> None:
    """The recipe's own record: measured on proteins unlike the training ones."""
    record = json.loads((FOLDER / "pretraining.json").read_text(encoding="utf-8"))
    assert record["parameters"] <= 2_000_000
    assert record["held_out"]["positions"] > 10_000
    assert record["held_out"]["model"] < record["held_out"]["unigram"] - 1.0


@pytest.mark.integration
def test_perplexity_on_real_unseen_chains_is_clearly_under_unigram(shared: Path) -> None:
    """Test chains, excluded from pre-training with their look-alikes, are predicted better."""
    chains = shared / "data/binding_residues"
    unseen = sorted(set(corpus.read_chains(chains / "test")))[::5]
    unigram = masking.frequencies(list(corpus.read_chains(chains / "train")))
    model = EsmForMaskedLM.from_pretrained(FOLDER, dtype=torch.float32)
    measured = masking.perplexity(model, unseen, unigram)
    assert measured.positions > 2_000
    assert measured.model < measured.unigram - 0.5


def test_a_hidden_residue_is_never_a_special_token() -> None:
    """Only standard residues are hidden, about 15 % of them, most as <mask>."""
    sequence = torch.from_numpy(corpus.encode("ACDEFGHIKLMNPQRSTVWYX").astype(np.int64))
    tokens = torch.cat(
        [torch.tensor([corpus.CLS]), sequence.repeat(500), torch.tensor([corpus.EOS])]
    )
    shown, hidden = masking.hide(tokens[None], torch.Generator().manual_seed(0))
    assert set(tokens[hidden[0]].tolist()) == set(corpus.RESIDUES)
    assert 0.13 < hidden.sum() / 10_000 < 0.17
    assert torch.equal(shown[~hidden], tokens[None][~hidden])
    assert 0.75 < (shown[hidden] == corpus.MASK).float().mean() < 0.85
