"""Chains as token windows with labels aligned, the columns that every trial reads."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from objectives.data.chain import IGNORED, Chain
from objectives.data.windows import Window, cut_windows
from sweep.errors import DataError, fault

if TYPE_CHECKING:
    from datasets import Dataset

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


def tokenise(
    chains: Sequence[Chain], alphabet: Alphabet, limit: int, bits: Mapping[str, int]
) -> Dataset:
    """Write a split as a table of windows.

    Args:
        chains: the chains of the split.
        alphabet: the model's.
        limit: residues that a window may hold.
        bits: mask of each ligand.

    Returns:
        One row per window: ``chain`` (index among ``chains``), ``chain_id``, ``start`` (residue
        offset of the window), ``length`` (tokens), and the lists ``input_ids``, ``labels``
        (``IGNORED`` at the marks and at residues that another window owns) and ``ligands``
        (masks), each ``length`` long.
    """
    import datasets
    import pyarrow as pa

    index, names, starts = [], [], []
    tokens, labels, masks = [], [], []
    for number, chain in enumerate(chains):
        for window in cut_windows(len(chain.sequence), limit):
            index.append(number)
            names.append(chain.id)
            starts.append(window.start)
            tokens.append(_tokens(chain, window, alphabet))
            labels.append(_labels(chain, window))
            masks.append(_masks(chain, window, bits))
    lengths = np.array([len(each) for each in tokens], dtype=np.int32)
    offsets = np.concatenate([[0], np.cumsum(lengths)])

    def column(parts: list[np.ndarray]) -> pa.Array:
        # 64-bit offsets: a large set has more tokens than 32 bits count.
        return pa.LargeListArray.from_arrays(pa.array(offsets, pa.int64()), np.concatenate(parts))

    return datasets.Dataset.from_dict(
        {
            "chain": pa.array(index, pa.int32()),
            "chain_id": pa.array(names, pa.string()),
            "start": pa.array(starts, pa.int32()),
            "length": pa.array(lengths, pa.int32()),
            "input_ids": column(tokens),
            "labels": column(labels),
            "ligands": column(masks),
        }
    )


def _tokens(chain: Chain, window: Window, alphabet: Alphabet) -> np.ndarray:
    """Start mark, one token per residue, end mark."""
    residues = alphabet.encode(chain.sequence[window.start : window.stop])
    return np.concatenate([[alphabet.start], residues, [alphabet.end]]).astype(np.int32)


def _labels(chain: Chain, window: Window) -> np.ndarray:
    """Labels of the residues that the window owns, ``IGNORED`` everywhere else."""
    labels = np.full(window.stop - window.start + 2, IGNORED, dtype=np.int8)
    # Residue i of the chain is token i - start + 1: the start mark comes first.
    first, last = window.own_start - window.start + 1, window.own_stop - window.start + 1
    labels[first:last] = chain.labels[window.own_start : window.own_stop]
    return labels


def _masks(chain: Chain, window: Window, bits: Mapping[str, int]) -> np.ndarray:
    """Which ligands each residue binds, one bit each; 0 at the marks and outside the window."""
    masks = np.zeros(window.stop - window.start + 2, dtype=np.int64)
    for name, positions in chain.ligands.items():
        inside = [at for at in positions if window.own_start <= at < window.own_stop]
        masks[np.array(inside, dtype=np.int64) - window.start + 1] |= bits[name]
    return masks
