"""Long chains are cut into overlapping windows."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from objectives.data.prepare.tokenize import Window, cut_windows


@st.composite
def cuts(draw: st.DrawFn) -> tuple[int, int, int]:
    """A length, a limit and an overlap below it."""
    limit = draw(st.integers(1, 60))
    return draw(st.integers(1, 400)), limit, draw(st.integers(0, limit - 1))


@given(cuts())
@settings(deadline=None)
def test_every_residue_is_owned_exactly_once(cut: tuple[int, int, int]) -> None:
    """Windows own the chain without gap or repetition, in order, within what they read."""
    length, limit, overlap = cut

    windows = cut_windows(length, limit, overlap=overlap)

    owned = [at for window in windows for at in range(window.own_start, window.own_stop)]
    assert owned == list(range(length))
    for window in windows:
        assert 0 <= window.start <= window.own_start < window.own_stop <= window.stop <= length
        assert window.stop - window.start <= limit
    for left, right in pairwise(windows):
        assert left.stop - right.start >= overlap
        assert left.start < right.start


def test_short_chain_is_one_window() -> None:
    """A chain at the limit is not cut."""
    assert cut_windows(1022, 1022) == [Window(0, 1022, 0, 1022)]


def test_one_residue_too_many_makes_two_windows_that_share_the_overlap() -> None:
    """Every residue near the border keeps context on both sides."""
    assert cut_windows(1023, 1022) == [Window(0, 1022, 0, 511), Window(1, 1023, 511, 1023)]


@pytest.mark.parametrize(("length", "limit", "overlap"), [(0, 5, 1), (5, 0, 0), (5, 3, 3)])
def test_invalid_window_sizes_are_refused(length: int, limit: int, overlap: int) -> None:
    """An empty chain, an empty window, or an overlap as long as the window."""
    with pytest.raises(ValueError, match="length and limit must be >= 1"):
        cut_windows(length, limit, overlap=overlap)
