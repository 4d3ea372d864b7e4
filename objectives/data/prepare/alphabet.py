"""Token ids of residues for a given tokenizer, and the bit mask of each ligand."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from objectives.data.prepare.spelling import (
    PLAIN,
    Reading,
    Spelling,
    UnreadableError,
    read_residues,
)
from sweep.errors import DataError, fault

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
MAX_LIGANDS = 63  # usable bits of a signed 64-bit mask
OTHER_LIGANDS = "other ligands"


@dataclass(frozen=True)
class Alphabet:
    """A tokenizer's encoding of residues, one token per residue.

    Residue i of a sequence is token ``len(before) + i``.
    """

    # token id of each letter A to Z, shape ``(26,)``; a letter that the tokenizer does not know has
    # the id of its unknown token, or of X if there is no unknown token
    codes: np.ndarray
    before: tuple[int, ...]  # special tokens before the first residue (``<cls>``); empty for T5
    after: tuple[int, ...]  # special tokens after the last residue (``<eos>``)
    digest: str  # of the vocabulary, and of the encoding if it differs from ESM-2's
    spelling: Spelling = PLAIN  # how a sequence is written as text for the tokenizer
    stand_ins: Mapping[str, str] = field(default_factory=dict)  # token used for each unknown letter

    @classmethod
    def of(cls, tokenizer: Any) -> Alphabet:
        """Determine the alphabet of a ``transformers`` tokenizer.

        Sequences are then encoded letter by letter, because the tokenizer itself would merge
        neighbouring unknown letters into one token and shift every label after them.

        Raises:
            DataError: if it does not give one token per residue.
        """
        try:
            reading = read_residues(tokenizer)
            codes, stand_ins = _all_codes(tokenizer, reading)
        except UnreadableError as error:
            rule = "write one token per residue"
            name = getattr(tokenizer, "name_or_path", "") or type(tokenizer).__name__
            way_out = "Use a protein language model with one token per amino acid, such as ESM-2"
            raise DataError(
                fault("tokenizer", rule, str(error), where=name, way_out=way_out)
            ) from error
        digest = _digest(tokenizer, reading, codes)
        return cls(codes, reading.before, reading.after, digest, reading.spelling, stand_ins)

    @property
    def marks(self) -> int:
        """Number of special tokens around a window's residues."""
        return len(self.before) + len(self.after)

    @property
    def highest(self) -> int:
        """The highest token id."""
        return max((int(self.codes.max()), *self.before, *self.after))

    def encode(self, sequence: str) -> np.ndarray:
        """Token ids of a sequence, shape ``(len(sequence),)``, without special tokens."""
        tokens: np.ndarray = self.codes[np.frombuffer(sequence.encode("ascii"), np.uint8) - 65]
        return tokens

    def encode_window(self, sequence: str) -> np.ndarray:
        """Token ids with special tokens around them, shape ``(len(sequence) + marks,)``."""
        parts = (np.array(self.before), self.encode(sequence), np.array(self.after))
        return np.concatenate([part.astype(np.int64) for part in parts])

    def described(self) -> str:
        """A short description of the encoding, for messages."""
        parts = [f"one per residue, written as {self.spelling.write('MKT')!r}"]
        parts.append(f"{len(self.before)} before and {len(self.after)} after")
        parts += [f"{letter} read as {shown}" for letter, shown in self.stand_ins.items()]
        return ", ".join(parts)


def _all_codes(tokenizer: Any, reading: Reading) -> tuple[np.ndarray, dict[str, str]]:
    """Token id of each letter A to Z, and the tokens used for letters the tokenizer lacks."""
    lacking = [letter for letter in LETTERS if letter not in reading.codes]
    stand_in, shown = tokenizer.unk_token_id, tokenizer.unk_token
    if stand_in is None:
        stand_in, shown = reading.codes.get("X"), "X"
    if lacking and stand_in is None:
        raise UnreadableError(f"no token for {', '.join(lacking)}, and none for unknown letters")
    codes = [reading.codes.get(letter, stand_in) for letter in LETTERS]
    return np.array(codes, dtype=np.int32), {letter: str(shown) for letter in lacking}


def _digest(tokenizer: Any, reading: Reading, codes: np.ndarray) -> str:
    """Digest of all that token ids depend on: the vocabulary, and an encoding unlike ESM-2's."""
    start, end, unknown = tokenizer.cls_token_id, tokenizer.eos_token_id, tokenizer.unk_token_id
    parts = [sorted(tokenizer.get_vocab().items()), start, end, unknown]
    looked_up = tokenizer.convert_tokens_to_ids(list(LETTERS))
    plain = [unknown if code is None else code for code in looked_up]
    usual = reading.spelling == PLAIN and plain == codes.tolist()
    if not (usual and (reading.before, reading.after) == ((start,), (end,))):
        parts += [reading.before, reading.after, codes.tolist(), asdict(reading.spelling)]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def ligand_bits(counts: Mapping[str, int]) -> tuple[dict[str, int], dict[str, int]]:
    """Assign each ligand a bit of the mask; beyond ``MAX_LIGANDS`` the rarest share one.

    Args:
        counts: number of binding residues by ligand.

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
