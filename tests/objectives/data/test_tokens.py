"""Tokens, labels and ligands stay aligned."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from objectives.data.chain import IGNORED, Chain
from objectives.data.prepare.alphabet import (
    LETTERS,
    MAX_LIGANDS,
    OTHER_LIGANDS,
    Alphabet,
    ligand_bits,
)
from objectives.data.prepare.tokenize import tokenise
from sweep.errors import DataError

SEQUENCES = st.lists(st.text(LETTERS, min_size=1, max_size=80), min_size=1, max_size=6)


def lysines(sequence: str, name: str = "a") -> Chain:
    """A chain whose lysines bind phosphate and whose cysteines bind zinc."""
    at = {
        ligand: tuple(index for index, each in enumerate(sequence) if each == letter)
        for ligand, letter in (("PO4", "K"), ("ZN", "C"))
    }
    labels = tuple(int(letter in "KC") for letter in sequence)
    return Chain(name, sequence, labels, at)


@given(sequences=SEQUENCES, limit=st.integers(1, 40))
@settings(deadline=None, max_examples=examples(60))
def test_each_label_and_ligand_is_on_its_own_residue(
    tokenizer: Any, sequences: list[str], limit: int
) -> None:
    """Tokens with label 1 are exactly the lysines and cysteines; a shift by one would fail."""
    chains = [lysines(sequence, str(index)) for index, sequence in enumerate(sequences)]

    table = tokenise(chains, Alphabet.of(tokenizer), limit, {"PO4": 1, "ZN": 2})

    seen = [[""] * len(sequence) for sequence in sequences]
    for row in table:
        letters = tokenizer.convert_ids_to_tokens(row["input_ids"])
        columns = (row["input_ids"], row["labels"], row["ligands"])
        assert {len(column) for column in columns} == {row["length"]}
        assert row["length"] <= limit + 2
        assert (letters[0], letters[-1]) == ("<cls>", "<eos>")
        assert (row["labels"][0], row["labels"][-1]) == (IGNORED, IGNORED)
        assert (row["ligands"][0], row["ligands"][-1]) == (0, 0)
        for at, (letter, label, mask) in enumerate(
            zip(letters, row["labels"], row["ligands"], strict=True)
        ):
            if label == IGNORED:
                assert mask == 0
                continue
            assert label == int(letter in "KC")
            assert mask == {"K": 1, "C": 2}.get(letter, 0)
            residue = row["start"] + at - 1
            assert seen[row["chain"]][residue] == ""
            seen[row["chain"]][residue] = letter
        assert row["chain_id"] == str(row["chain"])
    assert seen == [
        ["<unk>" if letter == "J" else letter for letter in sequence] for sequence in sequences
    ]


def test_neighbouring_unknown_letters_stay_two_tokens(tokenizer: Any) -> None:
    """The tokenizer itself merges them, which would shift every label after them."""
    row = tokenise([lysines("MJJK")], Alphabet.of(tokenizer), 10, {"PO4": 1, "ZN": 2})[0]

    assert tokenizer.convert_ids_to_tokens(row["input_ids"]) == [
        "<cls>",
        "M",
        "<unk>",
        "<unk>",
        "K",
        "<eos>",
    ]
    assert row["labels"] == [IGNORED, 0, 0, 0, 1, IGNORED]
    assert len(tokenizer("MJJK")["input_ids"]) < row["length"]


def test_known_letters_are_written_as_the_tokenizer_writes_them(tokenizer: Any) -> None:
    """Rare amino acids and ambiguity codes too."""
    sequence = "LAGVSERTIDPKQNFYMHWCXBUZO"

    row = tokenise([lysines(sequence)], Alphabet.of(tokenizer), 100, {"PO4": 1, "ZN": 2})[0]

    assert row["input_ids"] == tokenizer(sequence)["input_ids"]


def test_an_unknown_label_is_ignored_in_its_place(tokenizer: Any) -> None:
    """Residues without data neither train nor count."""
    chain = Chain("a", "MKV", (0, IGNORED, 1))

    assert tokenise([chain], Alphabet.of(tokenizer), 9, {})[0]["labels"] == [-100, 0, -100, 1, -100]


def test_a_tokenizer_without_an_amino_acid_is_refused(lacking_tokenizer: Any) -> None:
    """A model that cannot represent tryptophan is unsuitable for proteins."""
    with pytest.raises(
        DataError, match="tokenizer must write one token per residue, got 'no token for W'"
    ):
        Alphabet.of(lacking_tokenizer)


def test_digest_follows_the_vocabulary(tokenizer: Any, other_tokenizer: Any) -> None:
    """Models with the same letters in another order do not share a cache."""
    one, other = Alphabet.of(tokenizer), Alphabet.of(other_tokenizer)

    assert one.digest == Alphabet.of(tokenizer).digest != other.digest
    assert not np.array_equal(one.codes, other.codes)


def test_every_ligand_has_its_bit() -> None:
    """Bits follow the order of the given counts."""
    assert ligand_bits({"ATP": 5, "ZN": 9}) == ({"ATP": 1, "ZN": 2}, {"ATP": 5, "ZN": 9})


def test_rarest_ligands_share_the_last_bit() -> None:
    """More ligands than bits are no error, and every binding residue is counted."""
    counts = {f"L{index:03}": index + 1 for index in range(100)}

    bits, named = ligand_bits(counts)

    assert len(named) == MAX_LIGANDS
    assert sum(named.values()) == sum(counts.values())
    assert list(named)[-1] == OTHER_LIGANDS
    assert bits["L099"] == 1 << 61
    assert bits["L000"] == bits["L037"] == 1 << 62
    assert np.int64(bits["L000"]) > 0
    assert len(set(bits.values())) == MAX_LIGANDS
