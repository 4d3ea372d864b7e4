"""Positions of tokens in a batch, in the flat and in the padded layout."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from objectives.data.chain import IGNORED
from objectives.data.prepare.windows import Windows
from objectives.lora.packed.layout import LaneBatch, Layout

CPU = torch.device("cpu")
PAD, FIRST = 1, 2
LENGTHS = st.lists(st.integers(3, 20), min_size=1, max_size=6)


def share_of(lengths: list[int], lane: str = "") -> LaneBatch:
    """A lane's windows with tokens counting up from 4, each label being its position."""
    rows = [np.arange(4, 4 + n, dtype=np.int64) for n in lengths]
    labels = [np.arange(n, dtype=np.int64) + 100 * i for i, n in enumerate(lengths)]
    windows = Windows(tuple(rows), tuple(labels), tuple(labels))
    return LaneBatch(lane, windows, range(len(lengths)), 1)


@given(lengths=LENGTHS)
@settings(deadline=None)
def test_padding_is_on_the_right_and_masked(lengths: list[int]) -> None:
    """In the padded layout every window is a row, and attention masks its padding."""
    layout = Layout((share_of(lengths),), width=max(lengths))
    tensors = layout.tensors(PAD, FIRST, CPU)

    assert tensors.keys() == {"input_ids", "attention_mask"}
    assert tensors["input_ids"].shape == (len(lengths), max(lengths))
    for row, n in enumerate(lengths):
        assert tensors["input_ids"][row].tolist() == [
            *range(4, 4 + n),
            *[PAD] * (max(lengths) - n),
        ]
        assert tensors["attention_mask"][row].tolist() == [1] * n + [0] * (max(lengths) - n)


@given(lanes=st.lists(LENGTHS, min_size=1, max_size=4), room=st.integers(0, 9))
@settings(deadline=None)
def test_the_flat_layout_restarts_positions_in_every_window(
    lanes: list[list[int]], room: int
) -> None:
    """One row, lane after lane; a filled tail is a separate window."""
    most = max(map(sum, lanes)) + room - 1 if room else 0
    layout = Layout(tuple(map(share_of, lanes)), room=most)
    tensors = layout.tensors(PAD, FIRST, CPU)
    ids, positions = [], []
    for lengths in lanes:
        tail = max(0, most - sum(lengths))
        ids += [4 + k for n in lengths for k in range(n)] + [PAD] * tail
        positions += [FIRST + k for n in [*lengths, tail] for k in range(n)]

    assert tensors["input_ids"].tolist() == [ids]
    assert tensors["position_ids"].tolist() == [positions]
    assert sum(layout.lengths) == sum(layout.sizes) == len(ids)
    starts = [i for i, position in enumerate(positions) if position == FIRST]
    assert layout.cu_seqlens(CPU).tolist() == [*starts, len(ids)]
    assert layout.cu_seqlens(CPU) is layout.cu_seqlens(CPU)
    assert layout.cu_seqlens(CPU).dtype == torch.int32  # all that the flash kernel takes


@given(
    lanes=st.lists(LENGTHS, min_size=1, max_size=4), form=st.sampled_from(["flat", "room", "width"])
)
@settings(deadline=None)
def test_every_lane_gets_its_own_tokens_in_the_order_of_their_labels(
    lanes: list[list[int]], form: str
) -> None:
    """In each layout the outputs are aligned with the labels of their tokens."""
    shares = tuple(share_of(lengths) for lengths in lanes)
    width = max(n for lengths in lanes for n in lengths) if form == "width" else 0
    room = max(map(sum, lanes)) if form == "room" else 0
    layout = Layout(shares, width=width, room=room)
    tokens = layout.tensors(PAD, FIRST, CPU)["input_ids"].reshape(-1, 1)

    for number, (share, lengths) in enumerate(zip(shares, lanes, strict=True)):
        labels = share.labels(CPU)
        own = layout.own(tokens, number)
        assert own.shape == (sum(lengths), 1)
        assert own[:, 0].tolist() == (labels % 100 + 4).tolist()
        assert (labels // 100).tolist() == [i for i, n in enumerate(lengths) for _ in range(n)]


def test_special_tokens_stay_unlabelled() -> None:
    """A lane's labels are those of its windows, in the order of its loss."""
    rows = tuple(np.arange(n, dtype=np.int64) for n in (3, 4))
    labels = (np.array([IGNORED, 1, IGNORED]), np.array([IGNORED, 0, 1, IGNORED]))
    share = LaneBatch("", Windows(rows, labels, rows), (1, 0), 1)

    assert share.labels(CPU).tolist() == [IGNORED, 0, 1, IGNORED, IGNORED, 1, IGNORED]
