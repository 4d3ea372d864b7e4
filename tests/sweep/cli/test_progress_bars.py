"""The progress bar of a prediction: only on a terminal, and never within the results."""

from __future__ import annotations

import io

import pytest

from sweep.cli.progress_bars import residue_bar, words


class Terminal(io.StringIO):
    """A stream that claims to be a terminal."""

    def isatty(self) -> bool:
        """Always True."""
        return True


@pytest.fixture(autouse=True)
def _ordinary_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Independent of the colour settings of the machine that runs the tests."""
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")


@pytest.mark.parametrize("total", [5000, None])
def test_a_terminal_shows_the_progress(total: int | None) -> None:
    """Also if the total is unknown."""
    stream = Terminal()
    with residue_bar(total, io.StringIO(), stream) as advance:
        advance(2000)
        advance(500)

    assert "2 500" in stream.getvalue()
    assert ("of 5 000 residues" in stream.getvalue()) == (total is not None)


@pytest.mark.parametrize(
    ("stream", "results"),
    [(io.StringIO(), io.StringIO()), (Terminal(), Terminal()), (io.StringIO(), None)],
)
def test_no_bar_is_shown_elsewhere(stream: io.StringIO, results: io.StringIO | None) -> None:
    """Not in a log, and not among results on the terminal."""
    with residue_bar(10, results, stream) as advance:
        advance(10)

    assert stream.getvalue() == ""


def test_the_text_has_rate_and_time_left() -> None:
    """Residues per second since the start."""
    assert words(1500, 4500, 1.0) == "1 500 of 4 500 residues, 1 500 residues/s, about 2.0 s left"
    assert words(30_000, None, 2.0) == "30 000 residues, 15 000 residues/s"
    assert words(10, 10, 1.0).endswith("about 0.0 s left")
