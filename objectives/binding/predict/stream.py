"""Predict a stream of chains in order, holding only a few forward passes' worth in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from objectives.binding.predict.predictor import Predictor
from objectives.data.batches import eval_batches
from objectives.data.chain import IGNORED
from objectives.data.formats.fasta import FastaRecord
from objectives.data.prepare.alphabet import Alphabet
from objectives.data.prepare.tokenize import Window, cut_windows
from objectives.data.prepare.windows import Windows
from sweep.errors import TrialError, fault

_PASSES = 8  # forward passes' worth of windows to collect before they are grouped into passes
Tell = Callable[[int], None]  # progress callback: is called with the number of residues predicted


@dataclass(frozen=True)
class Prediction:
    """The prediction for one chain."""

    record: FastaRecord  # the chain
    probabilities: NDArray[np.float64]  # of binding, shape (residues,)
    called: NDArray[np.bool_]  # whether each is above the threshold, shape (residues,)
    threshold: float  # the probability threshold

    @property
    def stretches(self) -> list[tuple[int, int]]:
        """Runs of called residues: first and last position, 1-based."""
        edges = np.flatnonzero(np.diff(self.called, prepend=False, append=False)).tolist()
        return [(start + 1, stop) for start, stop in zip(edges[::2], edges[1::2], strict=True)]


@dataclass(frozen=True)
class _Piece:
    """A tokenised window of a chain, and the number of residues that it owns."""

    tokens: NDArray[np.int64]
    labels: NDArray[np.int64]
    own: int


def predict_chains(
    records: Iterable[FastaRecord], predictor: Predictor, threshold: float, tell: Tell
) -> Iterator[Prediction]:
    """Predict chains in order, reading ahead only as far as a few forward passes need.

    A chain longer than the base model's limit is predicted in overlapping windows, as in training
    and evaluation; each residue's prediction is that of the window that owns it.

    Args:
        records: the chains.
        predictor: with the adapter loaded.
        threshold: the probability above which a residue is called.
        tell: called after each forward pass with the number of residues predicted.

    Yields:
        One prediction per record, in order.

    Raises:
        TrialError: if a logit is NaN or infinite.
    """
    held: list[tuple[FastaRecord, list[_Piece]]] = []
    tokens = 0
    for record in records:
        cut = cut_windows(len(record.sequence), predictor.limit)
        pieces = [read_window(record.sequence, window, predictor.alphabet) for window in cut]
        held.append((record, pieces))
        tokens += sum(len(piece.tokens) for piece in pieces)
        if tokens >= _PASSES * predictor.budget:
            yield from _predicted(held, predictor, threshold, tell)
            held, tokens = [], 0
    yield from _predicted(held, predictor, threshold, tell)


def read_window(sequence: str, window: Window, alphabet: Alphabet) -> _Piece:
    """Tokenise a window; residues that it owns get label 0, all other tokens ``IGNORED``."""
    tokens = alphabet.encode_window(sequence[window.start : window.stop])
    labels = np.full(len(tokens), IGNORED, dtype=np.int64)
    first = len(alphabet.before) + window.own_start - window.start
    own = window.own_stop - window.own_start
    labels[first : first + own] = 0
    return _Piece(tokens, labels, own)


def _predicted(
    held: Sequence[tuple[FastaRecord, Sequence[_Piece]]],
    predictor: Predictor,
    threshold: float,
    tell: Tell,
) -> Iterator[Prediction]:
    pieces = [piece for _, own in held for piece in own]
    bounds = [0, *accumulate(piece.own for piece in pieces)]
    margins = np.empty(bounds[-1])
    for batch in eval_batches([len(piece.tokens) for piece in pieces], predictor.budget):
        made = predictor.margins(_windows([pieces[index] for index in batch]))
        sizes = [pieces[index].own for index in batch]
        for index, part in zip(batch, np.split(made, np.cumsum(sizes)[:-1]), strict=True):
            margins[bounds[index] : bounds[index + 1]] = part
        tell(sum(sizes))
    lengths = [len(record.sequence) for record, _ in held]
    for (record, _), (start, stop) in zip(held, pairwise([0, *accumulate(lengths)]), strict=True):
        yield _prediction(record, margins[start:stop], threshold)


def _windows(pieces: Sequence[_Piece]) -> Windows:
    return Windows(
        input_ids=tuple(piece.tokens for piece in pieces),
        labels=tuple(piece.labels for piece in pieces),
        ligands=tuple(np.zeros(len(piece.tokens), dtype=np.int64) for piece in pieces),
    )


def _prediction(record: FastaRecord, margins: NDArray[np.float64], threshold: float) -> Prediction:
    if not np.isfinite(margins).all():
        way_out = "Use an adapter of a trial that did not diverge, or another compute_dtype"
        where = f"chain {record.id}, line {record.line}"
        rule = "be finite"
        raise TrialError(fault("the logits", rule, "NaN or infinity", where=where, way_out=way_out))
    probabilities: NDArray[np.float64] = expit(margins)
    return Prediction(record, probabilities, probabilities > threshold, threshold)
