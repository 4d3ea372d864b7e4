"""How a model writes residues, and which bit of a mask each ligand has."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from sweep.errors import DataError, fault

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
AMINO_ACIDS = "ACDEFGHIKLMNPQRSTVWY"
MAX_LIGANDS = 63
"""Bits of a signed 64-bit mask that can be used."""

OTHER_LIGANDS = "other ligands"


@dataclass(frozen=True)
class Alphabet:
    """How a model's tokenizer writes residues, one token each.

    Attributes:
        codes: token of each letter A to Z, shape ``(26,)``; unusual letters have the
            tokenizer's unknown token.
        start: token before the first residue (``<cls>``).
        end: token after the last residue (``<eos>``).
        digest: of the whole vocabulary.
    """

    codes: np.ndarray
    start: int
    end: int
    digest: str

    @classmethod
    def of(cls, tokenizer: Any) -> Alphabet:
        """Read the alphabet of a ``transformers`` tokenizer.

        Letters are looked up one by one: the tokenizer itself would merge neighbouring
        unknown letters into one token and shift every label after them.

        Raises:
            DataError: if it does not write one token per residue between two marks.
        """
        codes = np.array(tokenizer.convert_tokens_to_ids(list(LETTERS)), dtype=object)
        unknown = tokenizer.unk_token_id
        codes = np.array([unknown if code is None else code for code in codes], dtype=object)
        expected = [codes[ord(letter) - 65] for letter in AMINO_ACIDS]
        start, end = tokenizer.cls_token_id, tokenizer.eos_token_id
        got = list(tokenizer(AMINO_ACIDS)["input_ids"])
        if (
            got != [start, *expected, end]
            or unknown in expected
            or any(code is None for code in codes)
        ):
            rule = "write one token per residue between a start and an end token"
            name = getattr(tokenizer, "name_or_path", "") or type(tokenizer).__name__
            seen = f"{len(got)} tokens for {len(AMINO_ACIDS)} residues"
            way_out = "Use a protein language model with one token per amino acid, such as ESM-2"
            raise DataError(fault("tokenizer", rule, seen, where=name, way_out=way_out))
        vocabulary = json.dumps([sorted(tokenizer.get_vocab().items()), start, end, unknown])
        digest = hashlib.sha256(vocabulary.encode()).hexdigest()
        return cls(codes.astype(np.int32), int(start), int(end), digest)

    def encode(self, sequence: str) -> np.ndarray:
        """Tokens of the letters of a sequence, shape ``(len(sequence),)``, without marks."""
        tokens: np.ndarray = self.codes[np.frombuffer(sequence.encode("ascii"), np.uint8) - 65]
        return tokens


def ligand_bits(counts: Mapping[str, int]) -> tuple[dict[str, int], dict[str, int]]:
    """Give every ligand a bit of the mask; the rarest share one where bits run out.

    Args:
        counts: binding residues by ligand.

    Returns:
        The mask of each ligand, and the counts by name in bit order.
    """
    own = list(counts)
    if len(own) > MAX_LIGANDS:
        own = sorted(counts, key=lambda name: (-counts[name], name))[: MAX_LIGANDS - 1]
    named = {name: count for name, count in counts.items() if name in set(own)}
    rest = sum(counts.values()) - sum(named.values())
    bits = {name: 1 << index for index, name in enumerate(named)}
    if len(named) < len(counts):
        bits |= {name: 1 << len(named) for name in counts if name not in named}
        named[OTHER_LIGANDS] = rest
    return bits, named
