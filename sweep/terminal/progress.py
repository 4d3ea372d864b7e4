"""Progress of a running sweep: a live bar on a terminal, one line per event elsewhere."""

from __future__ import annotations

import sys
import time
from typing import Self, TextIO

from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from sweep.terminal.console import duration, make_console
from sweep.terminal.printable import printable


class Progress:
    """A ``ProgressListener`` that shows a sweep's progress; use as a context manager.

    Trials with a negative number are baselines: shown, but not counted towards ``total``.

    Args:
        total: number of COMPLETE trials wanted.
        done: number of COMPLETE trials in the study.
        stream: where to show it; stderr when None, as stdout is for results.
        higher_is_better: whether the study maximises its value.
        best: the best value in the study.
    """

    def __init__(
        self,
        total: int,
        done: int,
        *,
        stream: TextIO | None = None,
        higher_is_better: bool = True,
        best: float | None = None,
    ) -> None:
        self._total = total
        self._done = done
        self._done_before = done
        self._failed = 0
        self._pruned = 0
        self._best = best
        self._higher_is_better = higher_is_better
        self._running: dict[int, str] = {}
        self._started_at = time.monotonic()
        self._console = make_console(sys.stderr if stream is None else stream)
        self._live = (
            Live(console=self._console, get_renderable=self._render, refresh_per_second=2)
            if self._console.is_terminal
            else None
        )

    def __enter__(self) -> Self:
        """Start the clock and the bar."""
        self._started_at = time.monotonic()
        if self._live:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop updating the bar; exceptions pass through."""
        if self._live:
            self._live.stop()

    def started(self, number: int, label: str) -> None:
        """Show that a trial (negative number: a baseline) started, with its configuration."""
        self._running[number] = label
        if not self._live:
            self._line(f"{_title(number)} started: {label}")

    def reported(self, number: int, step: int, value: float) -> None:
        """Show an intermediate value, on the bar only."""
        if self._live:
            label = self._running.get(number, "").split("  ·  ")[0]
            self._running[number] = f"{label}  ·  step {step}: {value:.4f}"

    def finished(
        self, state: str, number: int, value: float | None, reason: str | None, seconds: float
    ) -> None:
        """Show that a trial finished.

        Args:
            state: ``COMPLETE``, ``PRUNED``, ``FAIL`` or ``INTERRUPTED``, which is run again.
            number: the trial's number, negative for a baseline.
            value: the objective value; None unless complete.
            reason: why it failed or was interrupted.
            seconds: its duration.
        """
        self._running.pop(number, None)
        if number >= 0:
            self._count(state, value)
        outcome = {
            "FAIL": f"failed: {reason}",
            "INTERRUPTED": f"interrupted: {reason}",
            "PRUNED": "pruned",
        }.get(str(state), "complete")
        shown = "" if value is None else f" {value:.4f}"
        text = f"{_title(number)} {outcome}{shown} after {duration(seconds)}"
        if not self._live:
            self._line(f"{text} | {self.summary()}")
        elif state in ("FAIL", "INTERRUPTED"):
            self._line(text)

    def summary(self) -> str:
        """The state of the sweep in one line."""
        parts = [f"{self._done}/{self._total} done", f"{len(self._running)} running"]
        parts.append(f"{self._failed} failed")
        if self._pruned:
            parts.append(f"{self._pruned} pruned")
        parts.append("best -" if self._best is None else f"best {self._best:.4f}")
        left = self._seconds_left()
        if left is not None:
            parts.append(f"about {duration(left)} left")
        return ", ".join(parts)

    def _count(self, state: str, value: float | None) -> None:
        self._failed += state == "FAIL"
        self._pruned += state == "PRUNED"
        if state != "COMPLETE":
            return
        self._done += 1
        if value is None:
            return
        better = max if self._higher_is_better else min
        self._best = value if self._best is None else better(self._best, value)

    def _seconds_left(self) -> float | None:
        """Remaining time, from the rate of COMPLETE trials in this run."""
        here = self._done - self._done_before
        if here < 1:
            return None
        elapsed = time.monotonic() - self._started_at
        return max(0, self._total - self._done) * elapsed / here

    def _line(self, text: str) -> None:
        self._console.print(Text(printable(text)), soft_wrap=True)

    def _render(self) -> Table:
        bar = ProgressBar(total=max(self._total, 1), completed=self._done, width=30)
        head = Table.grid(padding=(0, 1))
        head.add_row(bar, Text(self.summary()))
        view = Table.grid()
        view.add_row(head)
        for number, label in sorted(self._running.items()):
            view.add_row(Text(printable(f"  {_title(number)}  {label}"), style="dim"))
        return view


def _title(number: int) -> str:
    """A trial's name in a line."""
    return f"baseline {-number}" if number < 0 else f"trial {number}"
