"""Protein sequences for pre-training: reading, hold-out by similarity, and packed token streams.

Proteomes hold many near-duplicates (two enterobacteria share most proteins), so a random
hold-out would leak into training. Here every training protein that shares several k-mers with
held-out proteins is dropped before training.
"""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

VOCABULARY = (
    *("<cls>", "<pad>", "<eos>", "<unk>"),
    *"LAGVSERTIDPKQNFYMHWCXBUZO.-",
    *("<null_1>", "<mask>"),
)
"""The 33 tokens of ESM-2 in ESM-2's order."""

CLS, PAD, EOS, UNKNOWN, MASK = (
    VOCABULARY.index(t) for t in ("<cls>", "<pad>", "<eos>", "<unk>", "<mask>")
)
RESIDUES = range(VOCABULARY.index("L"), VOCABULARY.index("C") + 1)  # ids of the 20 standard ones
KMER = 7
SHARED_KMERS = 3

_TOKEN_OF_BYTE = np.full(256, UNKNOWN, dtype=np.uint8)
for _index, _token in enumerate(VOCABULARY):
    if len(_token) == 1:
        _TOKEN_OF_BYTE[ord(_token)] = _index


@dataclass(frozen=True)
class Corpus:
    """Sequences split so that no training protein is similar to a held-out one."""

    training: tuple[str, ...]  # sequences to train on
    held_out: tuple[str, ...]  # sequences to measure perplexity on
    dropped: int  # number of sequences removed for similarity to held-out or excluded ones


def read_fasta(path: Path) -> Iterator[str]:
    """Yield the sequences of a FASTA file, gzipped or not."""
    opener = gzip.open if path.suffix == ".gz" else open
    parts: list[str] = []
    with opener(path, "rt", encoding="ascii") as lines:
        for line in lines:
            if line.startswith(">"):
                if parts:
                    yield "".join(parts)
                parts = []
            else:
                parts.append(line.strip().upper().rstrip("*"))
    if parts:
        yield "".join(parts)


def read_chains(path: Path) -> Iterator[str]:
    """Yield the sequences of ``pdb_id;chain_id;binding_residues;sequence`` files.

    Args:
        path: a file, or a folder whose ``*.txt`` files are all read.
    """
    for file in sorted(path.glob("*.txt")) if path.is_dir() else [path]:
        for line in file.read_text(encoding="utf-8").splitlines()[1:]:
            if line.strip():
                yield line.rsplit(";", 1)[1].strip().upper()


def encode(sequence: str) -> NDArray[np.uint8]:
    """Return the token ids of a sequence, without ``<cls>`` and ``<eos>``; shape ``(len,)``."""
    return _TOKEN_OF_BYTE[np.frombuffer(sequence.encode("ascii"), dtype=np.uint8)]


def part(
    sequences: Iterable[str], *, excluded: Iterable[str] = (), held_out_percent: float = 1.0
) -> Corpus:
    """Split sequences into training and held-out ones, by hash and then by similarity.

    Args:
        sequences: all sequences; exact duplicates count once.
        excluded: sequences to remove; sequences similar to them are not trained on either
            (the test chains of a later task).
        held_out_percent: share of the sequences to hold out, chosen by their SHA-256 hash.

    Returns:
        The corpus: each training sequence shares fewer than ``SHARED_KMERS`` distinct
        ``KMER``-mers with the held-out and excluded sequences together.
    """
    shut_out = set(excluded)
    distinct = [s for s in dict.fromkeys(sequences) if s and s not in shut_out]
    held_out = tuple(s for s in distinct if _hash_percent(s) < held_out_percent)
    foreign = np.unique(
        np.concatenate([np.empty(0, np.int64), *map(_words, (*held_out, *shut_out))])
    )
    rest = [s for s in distinct if _hash_percent(s) >= held_out_percent]
    training = tuple(s for s in rest if _shared(s, foreign) < SHARED_KMERS)
    return Corpus(training, held_out, len(rest) - len(training))


def stream(sequences: Sequence[str], order: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Concatenate sequences in this order, each as ``<cls> residues <eos>``; shape (tokens,)."""
    pieces: list[NDArray[np.uint8]] = []
    ends = np.array([EOS, CLS], dtype=np.uint8)
    for index in order:
        pieces += [ends, encode(sequences[index])]
    return np.concatenate(pieces)[1:]


def batches(
    sequences: Sequence[str], *, crop: int, rows: int, seed: int
) -> Iterator[NDArray[np.uint8]]:
    """Yield packed batches without end, the sequences shuffled anew each epoch.

    Yields:
        Token ids of shape ``(rows, crop)`` without padding.
    """
    random = np.random.default_rng(seed)
    while True:
        tokens = stream(sequences, random.permutation(len(sequences)))
        start = int(random.integers(crop))
        crops = tokens[start : start + (len(tokens) - start) // crop * crop].reshape(-1, crop)
        # Crops of one long protein are adjacent: shuffle, so that a batch holds many proteins.
        crops = crops[random.permutation(len(crops))]
        for first in range(0, len(crops) - rows + 1, rows):
            yield crops[first : first + rows]


def _hash_percent(sequence: str) -> float:
    return int.from_bytes(hashlib.sha256(sequence.encode()).digest()[:8], "big") / 2**64 * 100


def _words(sequence: str) -> NDArray[np.int64]:
    tokens = encode(sequence).astype(np.int64)
    if len(tokens) < KMER:
        return np.empty(0, dtype=np.int64)
    windows = np.lib.stride_tricks.sliding_window_view(tokens, KMER)
    return np.unique(windows @ (len(VOCABULARY) ** np.arange(KMER)))


def _shared(sequence: str, foreign: NDArray[np.int64]) -> int:
    if not len(foreign):
        return 0
    words = _words(sequence)
    # Not np.isin, which would sort all foreign words again for every sequence.
    places = np.searchsorted(foreign, words).clip(max=len(foreign) - 1)
    return int((foreign[places] == words).sum())
