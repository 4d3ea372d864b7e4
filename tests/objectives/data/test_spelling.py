"""Tokenizers of every kind: residues, labels and ligands are aligned with their tokens."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import protein_tokenizers as made
import pytest

from objectives.data.chain import IGNORED, Chain
from objectives.data.prepare.alphabet import Alphabet
from objectives.data.prepare.tokenize import cut_windows, tokenise
from sweep.errors import DataError

Write = Callable[[str], str]
LIMIT = 40


def plain(sequence: str) -> str:
    """MKT."""
    return sequence


def spaced(sequence: str) -> str:
    """M K T."""
    return " ".join(sequence)


def with_structure(sequence: str) -> str:
    """M#K#T#."""
    return "".join(f"{letter}#" for letter in sequence)


@dataclass(frozen=True)
class Kind:
    """A kind of tokenizer.

    Attributes:
        make: builds it.
        write: formats a sequence as its authors recommend.
        before: number of tokens before the first residue.
        after: number of tokens after the last.
        lacks: letters that are not in its vocabulary.
        seen_as: the token that it is read as.
    """

    make: Callable[[Path], Any]
    write: Write
    before: int
    after: int
    lacks: str = "J"
    seen_as: str = "<unk>"


KINDS = {
    "ESM-2": Kind(made.esm2, plain, 1, 1),
    "ProtBERT": Kind(made.protbert, spaced, 1, 1, seen_as="[UNK]"),
    "SaProt": Kind(made.saprot, with_structure, 1, 1, lacks="BJOUXZ"),
    "ProtT5": Kind(made.prott5, spaced, 0, 1),
    "T5, trained": Kind(made.trained_t5, spaced, 0, 1),
    "Ankh": Kind(made.ankh, plain, 0, 1),
    "no marks": Kind(made.one_character("$A"), plain, 0, 0),
    "start alone": Kind(made.one_character("<cls> $A"), plain, 1, 0),
    "two at the start": Kind(made.one_character("<s> <cls> $A </s>"), plain, 2, 1),
    "two at the end, as XLNet": Kind(made.one_character("$A <sep> <cls>"), plain, 0, 2),
    "twice the same": Kind(made.one_character("</s> $A </s>"), plain, 1, 1),
    "unnamed unknown": Kind(made.words, spaced, 0, 1, seen_as="X"),
    "no unknown": Kind(made.without_unknown, plain, 1, 1, seen_as="X"),
    "bytes of T5": Kind(made.one_byte, plain, 0, 1, lacks=""),
    "bytes of GPT-2": Kind(made.byte_level(space=False), plain, 0, 0, lacks=""),
    "bytes after a space": Kind(made.byte_level(space=True), plain, 1, 0, lacks=""),
}


@pytest.mark.parametrize("name", KINDS)
def test_windows_are_the_tokenizer_s_own_tokens(name: str, tmp_path: Path) -> None:
    """Every known letter, in chains of one window and of several, with its own label."""
    kind = KINDS[name]
    tokenizer, rng = kind.make(tmp_path), np.random.default_rng(0)
    letters = [each for each in "ABCDEFGHIJKLMNOPQRSTUVWXYZ" if each not in kind.lacks]
    sequences = ["".join(rng.choice(letters, size)) for size in (1, 2, 40, 41, 150)]
    chains = [labelled(sequence, str(number)) for number, sequence in enumerate(sequences)]

    rows = list(tokenise(chains, Alphabet.of(tokenizer), LIMIT, {"PO4": 1, "ZN": 2}))

    number = 0
    for index, sequence in enumerate(sequences):
        for cut in cut_windows(len(sequence), LIMIT):
            row, read = rows[number], sequence[cut.start : cut.stop]
            assert row["chain"] == index
            assert row["input_ids"] == tokenizer(kind.write(read))["input_ids"]
            owned = range(cut.own_start - cut.start, cut.own_stop - cut.start)
            own = ["KC".find(each) if i in owned else None for i, each in enumerate(read)]
            labels = [IGNORED if each is None else int(each >= 0) for each in own]
            masks = [0 if each is None else each + 1 for each in own]
            before, after = [IGNORED] * kind.before, [IGNORED] * kind.after
            assert row["labels"] == [*before, *labels, *after]
            assert row["ligands"] == [*[0] * kind.before, *masks, *[0] * kind.after]
            number += 1
    assert number == len(rows) == 3 + 2 + 5


@pytest.mark.parametrize("name", [name for name, kind in KINDS.items() if kind.lacks])
def test_a_letter_unknown_to_the_tokenizer_is_one_token(name: str, tmp_path: Path) -> None:
    """Also neighbouring ones, which it would merge or drop."""
    kind = KINDS[name]
    tokenizer = kind.make(tmp_path)
    alphabet = Alphabet.of(tokenizer)

    for letter in kind.lacks:
        row = tokenise([labelled(f"M{letter}{letter}K")], alphabet, LIMIT, {"PO4": 1, "ZN": 2})[0]
        inner = row["input_ids"][kind.before : len(row["input_ids"]) - kind.after]
        (x,) = {*inner[1:3]}
        seen = "X" if kind.seen_as == "X" else tokenizer.unk_token
        assert tokenizer.convert_ids_to_tokens([x]) == [seen]
        known = tokenizer(kind.write("MK"))["input_ids"]
        assert [inner[0], inner[3]] == known[kind.before : len(known) - kind.after]
        assert row["labels"][kind.before :][:4] == [0, 0, 0, 1]
        assert f"{letter} read as {kind.seen_as}" in alphabet.described()
    assert set(alphabet.stand_ins) == set(kind.lacks)


REFUSED = {
    "byte pairs": (made.joining(spaces=False), r"'\d+ tokens for 20 residues'"),
    "byte pairs of words": (made.joining(spaces=True), r"'\d+ tokens for 20 residues'"),
    "English": (made.english, r"'\d+ tokens for 20 residues'"),
    "one pair": (made.one_join("WW"), r'"other tokens for \'WW'),
    "one word": (made.one_join("MKTAY"), r'"other tokens for \'MKTAY\' than'),
    "six letters a token": (made.six_mers, "'no token for D, E, F, H, I"),
    "lower case": (
        lambda folder: made.protbert(folder, lower=True),
        "'no token for any amino acid'",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_tokenizer_that_joins_or_lacks_residues_is_refused(name: str, tmp_path: Path) -> None:
    """One message, which shows the tokens."""
    make, seen = REFUSED[name]

    with pytest.raises(DataError, match=f"tokenizer must write one token per residue, got {seen}"):
        Alphabet.of(make(tmp_path))


def test_kinds_of_tokenizers_have_different_digests(tmp_path: Path) -> None:
    """Also with the same vocabulary."""
    made_here = [Alphabet.of(kind.make(tmp_path)).digest for kind in KINDS.values()]

    assert len({*made_here}) == len(KINDS)


def labelled(sequence: str, name: str = "a") -> Chain:
    """A chain whose lysines bind phosphate and whose cysteines bind zinc."""
    at = {
        ligand: tuple(index for index, each in enumerate(sequence) if each == letter)
        for ligand, letter in (("PO4", "K"), ("ZN", "C"))
    }
    return Chain(name, sequence, tuple(int(letter in "KC") for letter in sequence), at)
