from __future__ import annotations

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from objectives.binding.collate import Windows, collate
from objectives.binding.inputs import Inputs
from objectives.data.chain import IGNORED

LENGTHS = st.lists(st.integers(3, 20), min_size=1, max_size=6)


def windows_of(lengths: list[int]) -> Windows:
    """Windows of given lengths whose tokens count up from 4."""
    rows = [np.arange(4, 4 + n, dtype=np.int64) for n in lengths]
    labels = []
    for n in lengths:
        row = np.arange(n, dtype=np.int64) % 2
        row[[0, -1]] = IGNORED
        labels.append(row)
    return Windows(tuple(rows), tuple(labels), tuple(np.zeros_like(row) for row in rows))


@given(lengths=LENGTHS)
@settings(deadline=None)
def test_padding_is_on_the_right_masked_and_unlabelled(lengths: list[int]) -> None:
    """Every window is there in full, and what follows it neither counts nor is attended to."""
    windows = windows_of(lengths)
    batch = collate(windows, range(len(lengths)), pad_token_id=1, device=torch.device("cpu"))

    assert batch.input_ids.shape == (len(lengths), max(lengths))
    for row, n in enumerate(lengths):
        assert batch.input_ids[row, :n].tolist() == windows.input_ids[row].tolist()
        assert batch.labels[row, :n].tolist() == windows.labels[row].tolist()
        assert batch.attention_mask[row].tolist() == [1] * n + [0] * (max(lengths) - n)
        assert set(batch.input_ids[row, n:].tolist()) <= {1}
        assert set(batch.labels[row, n:].tolist()) <= {IGNORED}


def test_labels_lie_on_the_letters_that_bind(tiny_inputs: Inputs) -> None:
    """From the file to the batch, a residue's label stays on its token."""
    letters = tiny_inputs.tokenizer.convert_ids_to_tokens(range(33))
    windows = tiny_inputs.splits.train
    batch = collate(windows, range(len(windows)), 1, torch.device("cpu"))
    pairs = {
        (letters[token], label)
        for token, label in zip(
            batch.input_ids.flatten().tolist(), batch.labels.flatten().tolist(), strict=True
        )
    }

    assert {letter for letter, label in pairs if label == 1} == {"K", "R"}
    assert {letter for letter, label in pairs if label == IGNORED} == {"<cls>", "<eos>", "<pad>"}
    assert len(pairs) == 20 + 3


def test_windows_without_any_label_are_left_out() -> None:
    """They would make a batch whose loss is the mean of nothing."""
    windows = windows_of([5, 6])
    windows.labels[0][:] = IGNORED

    assert windows.labelled().lengths == [6]
