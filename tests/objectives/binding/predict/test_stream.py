"""Streamed predictions: chains are predicted one after another, independent of their neighbours."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import count, pairwise
from typing import Any

import numpy as np
import pytest
import torch
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from objectives.binding.predict.adapter_folder import read_adapter
from objectives.binding.predict.predictor import Place, Predictor
from objectives.binding.predict.stream import Prediction, predict_chains, read_window
from objectives.data.chain import Chain
from objectives.data.formats.fasta import FastaRecord
from objectives.data.prepare.alphabet import Alphabet
from objectives.data.prepare.tokenize import cut_windows, tokenise
from objectives.lora.training.inputs import Inputs
from sweep.errors import TrialError

RESIDUES = "ACDEFGHIKLMNPQRSTVWYBJOUXZ"


def record(name: str, length: int, seed: int = 0) -> FastaRecord:
    """A random chain."""
    letters = np.random.default_rng([seed, length]).choice(list(RESIDUES), length)
    return FastaRecord(name, "", "".join(letters), 1)


def predicted(predictor: Predictor, records: Sequence[FastaRecord]) -> list[Prediction]:
    """Predict chains together."""
    return list(predict_chains(records, predictor, 0.5, lambda _: None))


@pytest.mark.parametrize("length", [1, 125, 126, 127, 189, 300, 1000])
def test_windows_are_read_as_in_training(tiny_inputs: Inputs, length: int) -> None:
    """Tokens and scored residues equal those of the prepared data."""
    alphabet, limit = Alphabet.of(tiny_inputs.tokenizer), tiny_inputs.max_residues
    chain = record("q", length)
    rows = tokenise([Chain("q", chain.sequence, (0,) * length)], alphabet, limit, {})
    pieces = [read_window(chain.sequence, w, alphabet) for w in cut_windows(length, limit)]

    assert [piece.tokens.tolist() for piece in pieces] == list(rows["input_ids"])
    assert [piece.labels.tolist() for piece in pieces] == list(rows["labels"])
    assert sum(piece.own for piece in pieces) == length


@pytest.fixture(scope="module")
def shared_predictor(kept: Any) -> Predictor:
    """One predictor for all examples."""
    return Predictor(read_adapter(kept.folder), Place(device="cpu"))


@given(lengths=st.lists(st.integers(1, 200), max_size=12), at=st.integers(0, 12))
@settings(deadline=None, max_examples=examples(25), database=None)
def test_predictions_do_not_depend_on_other_chains(
    shared_predictor: Predictor, lengths: list[int], at: int
) -> None:
    """Bit for bit: a chain of one residue or of two windows, alone or among others."""
    for length in (1, 2, 150):
        chain = record("own", length, seed=9)
        others = [record(str(index), each) for index, each in enumerate(lengths)]
        together = predicted(shared_predictor, [*others[:at], chain, *others[at:]])
        (among,) = (each for each in together if each.record.id == "own")
        (alone,) = predicted(shared_predictor, [chain])

        assert among.probabilities.tobytes() == alone.probabilities.tobytes()


def test_predictions_do_not_depend_on_the_batch_size(predictor: Predictor) -> None:
    """One window at a time, or all at once."""
    chains = [record(str(length), length) for length in (300, 5, 1, 80, 40, 126, 9)]
    whole = predicted(predictor, chains)
    for budget in (3, 130, 100_000):
        predictor.budget = budget
        for one, other in zip(predicted(predictor, chains), whole, strict=True):
            assert one.probabilities.tobytes() == other.probabilities.tobytes()


def test_an_endless_file_is_predicted_as_it_comes(predictor: Predictor) -> None:
    """In order, reading ahead no more than a few passes; progress is reported."""
    pulled, counted = 0, 0
    predictor.budget = 200

    def endless() -> Iterator[FastaRecord]:
        nonlocal pulled
        for number in count():
            pulled += 1
            yield record(str(number), 10 + number % 50)

    def count_residues(residues: int) -> None:
        nonlocal counted
        counted += residues

    ahead, done = 0, 0
    stream = predict_chains(endless(), predictor, 0.5, count_residues)
    for number in range(300):
        made = next(stream)
        done += len(made.record.sequence)
        assert made.record.id == str(number)
        assert made.record.sequence == record("", 10 + number % 50).sequence
        assert len(made.probabilities) == len(made.record.sequence)
        assert counted >= done
        ahead = max(ahead, pulled - number)

    assert ahead <= 8 * 200 // 12 + 1


def test_no_chains_give_no_predictions(predictor: Predictor) -> None:
    """An empty input gives an empty output."""
    assert predicted(predictor, []) == []


def test_calls_are_above_the_threshold(predictor: Predictor) -> None:
    """A probability equal to the threshold is no call."""
    chain = record("q", 60)
    (first,) = predict_chains([chain], predictor, 0.5, lambda _: None)
    highest = float(first.probabilities.max())
    (at,) = predict_chains([chain], predictor, highest, lambda _: None)
    (below,) = predict_chains([chain], predictor, np.nextafter(highest, 0), lambda _: None)

    assert (at.called.sum(), below.called.sum()) == (0, 1)
    assert at.threshold == highest


@given(st.lists(st.booleans(), max_size=40))
def test_stretches_are_the_runs_of_calls(called: list[bool]) -> None:
    """Positions count from 1, the last residue included."""
    made = Prediction(record("q", 1), np.zeros(len(called)), np.array(called, bool), 0.5)
    found = made.stretches
    inside = [at for first, last in found for at in range(first, last + 1)]

    assert inside == [at for at, each in enumerate(called, start=1) if each]
    assert all(last + 1 < first for (_, last), (first, _) in pairwise(found))


def test_logits_that_are_not_finite_are_refused(predictor: Predictor) -> None:
    """The message has the chain's name and line."""
    with torch.no_grad():
        next(iter(predictor._lane.named().values())).fill_(float("inf"))

    with pytest.raises(TrialError, match=r"the logits must be finite, .*\(chain q, line 1\)"):
        predicted(predictor, [record("q", 30)])
