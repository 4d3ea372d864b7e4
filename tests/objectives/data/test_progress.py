"""A progress bar on a terminal; the items are yielded in any case."""

from __future__ import annotations

import io
import sys

import pytest

from objectives.data.prepare.tokenize import FROM_CHAINS, shown_progress


class Stream(io.StringIO):
    """Standard error, on a terminal or not."""

    def __init__(self, *, terminal: bool) -> None:
        super().__init__()
        self._terminal = terminal

    def isatty(self) -> bool:
        """Whether it is a terminal."""
        return self._terminal


@pytest.mark.parametrize(
    ("terminal", "chains", "bar"),
    [(True, FROM_CHAINS, True), (True, FROM_CHAINS - 1, False), (False, FROM_CHAINS, False)],
)
def test_a_bar_is_shown_on_a_terminal_for_many_chains(
    monkeypatch: pytest.MonkeyPatch, *, terminal: bool, chains: int, bar: bool
) -> None:
    """A file or pipe gets no control characters; few chains need no bar."""
    stream = Stream(terminal=terminal)
    monkeypatch.setattr(sys, "stderr", stream)

    assert list(shown_progress(iter([3, 1, 2]), 3, "tokenising", chains=chains)) == [3, 1, 2]
    assert ("tokenising" in stream.getvalue()) is bar
    assert bool(stream.getvalue()) is bar
