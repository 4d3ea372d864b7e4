from __future__ import annotations

import numpy as np
import pytest

from objectives.data.chain import IGNORED
from objectives.data.prepare.windows import Windows
from objectives.lora.training.inputs import Inputs


def windows_of(lengths: list[int]) -> Windows:
    """Windows of given lengths whose tokens count up from 4."""
    rows = [np.arange(4, 4 + n, dtype=np.int64) for n in lengths]
    labels = []
    for n in lengths:
        row = np.arange(n, dtype=np.int64) % 2
        row[[0, -1]] = IGNORED
        labels.append(row)
    return Windows(tuple(rows), tuple(labels), tuple(np.zeros_like(row) for row in rows))


def test_labels_are_on_the_letters_that_bind(tiny_inputs: Inputs) -> None:
    """From the file to the window, a residue's label stays on its token."""
    letters = tiny_inputs.tokenizer.convert_ids_to_tokens(range(33))
    windows = tiny_inputs.splits.train
    pairs = {
        (letters[token], int(label))
        for tokens, labels in zip(windows.input_ids, windows.labels, strict=True)
        for token, label in zip(tokens, labels, strict=True)
    }

    assert {letter for letter, label in pairs if label == 1} == {"K", "R"}
    assert {letter for letter, label in pairs if label == IGNORED} == {"<cls>", "<eos>"}
    assert len(pairs) == 20 + 2


def test_shifted_labels_are_on_the_token_before(tiny_inputs: Inputs) -> None:
    """The first residue's on the start token, none on the last residue or the end token."""
    windows = tiny_inputs.splits.validation
    shifted = windows.shifted()

    assert shifted.input_ids == windows.input_ids
    for name, fill in (("labels", IGNORED), ("ligands", 0)):
        pairs = zip(getattr(windows, name), getattr(shifted, name), strict=True)
        for before, after in pairs:
            assert after.tolist() == [*before[1:].tolist(), fill]


def test_ligands_are_on_the_letters_they_bind(tiny_inputs: Inputs) -> None:
    """Each ligand has its bit on the letter it binds, and on no other."""
    letters = tiny_inputs.tokenizer.convert_ids_to_tokens(range(33))
    names = tiny_inputs.data.summary.ligands
    bound: dict[str, set[str]] = {name: set() for name in names}
    windows = tiny_inputs.splits.train
    for tokens, masks in zip(windows.input_ids, windows.ligands, strict=True):
        for token, mask in zip(tokens, masks, strict=True):
            for bit, name in enumerate(names):
                if int(mask) >> bit & 1:
                    bound[name].add(letters[token])

    assert bound == {"ARG": {"R"}, "POS": {"K"}}


def test_windows_without_any_label_are_left_out() -> None:
    """A batch of them would have no loss."""
    windows = windows_of([5, 6])
    windows.labels[0][:] = IGNORED

    assert windows.labelled().lengths == [6]


@pytest.mark.parametrize("order", [[2, 0], [1, 1], []], ids=str)
def test_windows_are_selected_in_the_requested_order(order: list[int]) -> None:
    """Tokens, labels and ligands together."""
    windows = windows_of([5, 6, 7])
    chosen = windows.select(order)

    assert chosen.lengths == [[5, 6, 7][i] for i in order]
    for name in ("input_ids", "labels", "ligands"):
        rows = getattr(windows, name)
        assert all(a is rows[i] for a, i in zip(getattr(chosen, name), order, strict=True))
