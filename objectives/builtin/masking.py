"""Masked language modelling: choice of masked tokens, loss, and held-out pseudo-perplexity."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from objectives.builtin.corpus import CLS, EOS, MASK, PAD, RESIDUES, VOCABULARY, encode

SHARE = 0.15  # share of the residues that are hidden when perplexity is measured
ROWS = 32


@dataclass(frozen=True)
class Perplexity:
    """Held-out pseudo-perplexity of a model and of a unigram baseline, on the same positions."""

    model: float  # exp of the mean masked-language-modelling loss
    unigram: float  # exp of the mean cross-entropy under the training residues' frequencies
    positions: int  # number of hidden residues scored
    proteins: int  # number of proteins


def hide(
    tokens: Tensor, generator: torch.Generator, share: float = SHARE, *, masked: float = 0.8
) -> tuple[Tensor, Tensor]:
    """Corrupt a share of the residues as BERT does: ``<mask>``, a random residue, or unchanged.

    Args:
        tokens: ids, shape ``(rows, length)``.
        generator: random number generator.
        share: share of the standard residues to hide; other tokens are never hidden.
        masked: share of the hidden ones that become ``<mask>``; half of the rest become a
            random residue, the other half stay unchanged.

    Returns:
        The input ids and a boolean mask of hidden positions, both of shape ``(rows, length)``.

    Source: Devlin et al. 2019, https://doi.org/10.18653/v1/N19-1423
    """
    standard = (tokens >= RESIDUES.start) & (tokens < RESIDUES.stop)
    hidden = (torch.rand(tokens.shape, generator=generator) < share) & standard
    fate = torch.rand(tokens.shape, generator=generator)
    other = torch.randint(RESIDUES.start, RESIDUES.stop, tokens.shape, generator=generator)
    shown = torch.where(hidden & (fate < masked), MASK, tokens)
    return torch.where(hidden & (fate >= (1 + masked) / 2), other, shown), hidden


def frequencies(sequences: Sequence[str]) -> NDArray[np.float64]:
    """Return the share of each token id among the standard residues; shape ``(33,)``."""
    counts = np.zeros(len(VOCABULARY))
    for sequence in sequences:
        counts += np.bincount(encode(sequence), minlength=len(VOCABULARY))
    counts[[i for i in range(len(VOCABULARY)) if i not in RESIDUES]] = 0
    return np.asarray(counts / counts.sum())


def masked_loss(
    model: Any, shown: Tensor, tokens: Tensor, hidden: Tensor, **inputs: Tensor
) -> Tensor:
    """Return the mean cross-entropy over hidden positions; the LM head runs on these only."""
    states = model.esm(shown, **inputs).last_hidden_state[hidden]
    loss: Tensor = nn.functional.cross_entropy(model.lm_head(states), tokens[hidden])
    return loss


@torch.no_grad()
def perplexity(
    model: Any,
    sequences: Sequence[str],
    unigram: NDArray[np.float64],
    *,
    masked: float = 1.0,
    residues: int = 254,
    seed: int = 0,
) -> Perplexity:
    """Measure pseudo-perplexity on the first residues of each sequence.

    Args:
        model: an ``EsmForMaskedLM``.
        sequences: proteins that were not trained on.
        unigram: token shares from :func:`frequencies` of the training sequences.
        masked: share of hidden positions shown as ``<mask>``. Below 1 some positions keep their
            letter, which lowers the model's perplexity but not the unigram's; training uses 0.8.
        residues: longest prefix scored.
        seed: of the hidden positions.
    """
    was_training = model.training
    model.eval()
    generator = torch.Generator().manual_seed(seed)
    log_unigram = torch.from_numpy(np.log(unigram, where=unigram > 0, out=np.zeros_like(unigram)))
    model_loss = unigram_loss = 0.0
    positions = 0
    ordered = sorted(sequences, key=len)
    for first in range(0, len(ordered), ROWS):
        tokens = _padded([s[:residues] for s in ordered[first : first + ROWS]])
        shown, hidden = hide(tokens, generator, masked=masked)
        count = int(hidden.sum())
        if count:
            attended = (tokens != PAD).long()
            loss = masked_loss(model, shown, tokens, hidden, attention_mask=attended)
            model_loss += float(loss) * count
            unigram_loss -= float(log_unigram[tokens[hidden]].sum())
            positions += count
    model.train(was_training)
    return Perplexity(
        math.exp(model_loss / positions),
        math.exp(unigram_loss / positions),
        positions,
        len(ordered),
    )


def _padded(sequences: Sequence[str]) -> Tensor:
    longest = max(map(len, sequences)) + 2
    rows = torch.full((len(sequences), longest), PAD)
    for row, sequence in zip(rows, sequences, strict=True):
        row[0] = CLS
        row[1 : len(sequence) + 1] = torch.from_numpy(encode(sequence).astype(np.int64))
        row[len(sequence) + 1] = EOS
    return rows
