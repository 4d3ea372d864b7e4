"""The progress display of a running sweep."""

from __future__ import annotations

import io
from collections.abc import Iterator

import pytest

from sweep.terminal.console import duration, make_console
from sweep.terminal.progress import Progress


class Terminal(io.StringIO):
    """A stream that claims to be a terminal."""

    def isatty(self) -> bool:
        """Always True."""
        return True


@pytest.fixture(autouse=True)
def _ordinary_terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Independent of the colour settings of the machine that runs the tests."""
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    return


def test_each_event_is_one_plain_line_without_a_terminal() -> None:
    """For a log file: no control characters, no redrawn bar, no wrapping."""
    stream = io.StringIO()

    with Progress(3, 0, stream=stream) as progress:
        progress.started(0, "rank=8 alpha=16 targets=" + "qkv+" * 60)
        progress.reported(0, 10, 0.1)
        progress.finished("COMPLETE", 0, 0.25, None, 2.0)
        progress.started(1, "rank=4")
        progress.finished("FAIL", 1, None, "nan: NonFiniteLossError: loss is nan", 1.0)

    lines = stream.getvalue().splitlines()
    assert len(lines) == 4
    assert "\x1b" not in stream.getvalue()
    assert lines[0].startswith("trial 0 started: rank=8 alpha=16 targets=qkv+qkv")
    assert lines[1].startswith(
        "trial 0 complete 0.2500 after 2.0 s | 1/3 done, 0 running, 0 failed, best 0.2500, about "
    )
    assert lines[3].startswith(
        "trial 1 failed: nan: NonFiniteLossError: loss is nan after 1.0 s | "
        "1/3 done, 0 running, 1 failed, best 0.2500"
    )


def test_an_interrupted_trial_is_no_failure() -> None:
    """It will run again, and is not counted."""
    stream = io.StringIO()
    with Progress(3, 0, stream=stream) as progress:
        progress.started(0, "rank=8")
        progress.finished("INTERRUPTED", 0, None, "left when asked to", 2.0)

    assert "trial 0 interrupted: left when asked to after 2.0 s" in stream.getvalue()
    assert progress.summary() == "0/3 done, 0 running, 0 failed, best -"


def test_square_brackets_are_text() -> None:
    """An exception's message is not interpreted as markup."""
    stream = io.StringIO()

    with Progress(1, 0, stream=stream) as progress:
        progress.finished("FAIL", 0, None, "exception: IndexError: x[bold]y[/bold]", 1.0)

    assert "x[bold]y[/bold]" in stream.getvalue()


def test_a_terminal_shows_a_bar_with_running_trials() -> None:
    """Done, running, failed, best, and each running trial with its last value."""
    stream = Terminal()

    with Progress(4, 1, stream=stream) as progress:
        progress.started(1, "rank=8")
        progress.reported(1, 10, 0.1234)
        progress.started(2, "rank=4")
        progress.finished("COMPLETE", 2, 0.5, None, 1.0)

    shown = stream.getvalue()
    assert "2/4 done, 1 running, 0 failed, best 0.5000" in shown
    assert "trial 1  rank=8  ·  step 10: 0.1234" in shown
    assert "\x1b" in shown


def test_a_terminal_keeps_each_failure_above_the_bar() -> None:
    """A reason must not be overwritten."""
    stream = Terminal()

    with Progress(4, 0, stream=stream) as progress:
        progress.started(0, "rank=8")
        progress.finished("FAIL", 0, None, "out_of_memory: OutOfMemoryError: no memory", 1.0)

    assert "trial 0 failed: out_of_memory: OutOfMemoryError: no memory" in stream.getvalue()


@pytest.mark.parametrize(("higher", "best"), [(True, "best 0.3000"), (False, "best 0.1000")])
def test_the_best_depends_on_the_direction(higher: bool, best: str) -> None:  # noqa: FBT001
    """The best loss is the lowest."""
    progress = Progress(3, 0, stream=io.StringIO(), higher_is_better=higher)

    for number, value in enumerate((0.2, 0.3, 0.1)):
        progress.finished("COMPLETE", number, value, None, 1.0)

    assert best in progress.summary()


def test_the_best_of_an_earlier_run_counts() -> None:
    """A resumed sweep starts with it."""
    progress = Progress(3, 2, stream=io.StringIO(), best=0.4)
    progress.finished("COMPLETE", 2, 0.3, None, 1.0)

    assert progress.summary().startswith("3/3 done, 0 running, 0 failed, best 0.4000")


def test_baselines_are_shown_but_not_counted() -> None:
    """They are no trials: neither done, nor failed, nor best."""
    stream = io.StringIO()
    progress = Progress(2, 0, stream=stream)

    progress.started(-1, "baseline: head only")
    progress.finished("COMPLETE", -1, 0.9, None, 1.0)

    assert progress.summary() == "0/2 done, 0 running, 0 failed, best -"
    assert "baseline 1 complete 0.9000" in stream.getvalue()


def test_pruned_trials_have_their_own_count() -> None:
    """Neither done nor failed."""
    progress = Progress(2, 0, stream=io.StringIO())
    progress.finished("PRUNED", 0, None, None, 1.0)

    assert progress.summary() == "0/2 done, 0 running, 0 failed, 1 pruned, best -"


def test_the_time_left_is_computed_from_this_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two trials in 100 s, two to go: the six of an earlier run do not count for speed."""
    now = [1000.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    progress = Progress(10, 6, stream=io.StringIO())

    before = progress.summary()
    now[0] = 1100.0
    for number in (6, 7):
        progress.finished("COMPLETE", number, 0.1, None, 50.0)

    assert "left" not in before
    assert progress.summary().endswith("about 1 min 40 s left")


def test_an_exception_passes_through() -> None:
    """The bar is closed, the error is raised."""
    with pytest.raises(KeyError, match="lost"), Progress(1, 0, stream=Terminal()):
        raise KeyError("lost")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.42, "0.4 s"),
        (42.0, "42 s"),
        (59.7, "1 min 00 s"),
        (200.0, "3 min 20 s"),
        (7500.0, "2 h 05 min"),
    ],
)
def test_durations_are_formatted_for_readers(seconds: float, text: str) -> None:
    """From tenths of a second to hours."""
    assert duration(seconds) == text


def test_ci_variables_put_no_colour_into_a_pipe(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the stream determines it."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    stream = io.StringIO()

    make_console(stream).print("best", style="bold green")

    assert stream.getvalue() == "best\n"
