"""Signals that ask a sweep to stop, handled at safe points only.

An exception raised in a handler could interrupt a database transaction. So the first signal is only
recorded, and the driver's loop checks for it; a second one ends the process at once. Workers with
trials still running ``GRACE_SECONDS`` after the first signal are killed, so that one signal always
ends a sweep.
"""

from __future__ import annotations

import contextlib
import signal
import sys
import threading
import time
from collections.abc import Iterator
from types import FrameType
from typing import Self

ASKING = tuple(
    getattr(signal, name)
    for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGUSR1", "SIGUSR2")
    if hasattr(signal, name)
)
"""The handled signals: Ctrl-C, ``kill`` and Slurm, a closed terminal, and ``sbatch --signal``."""

GRACE_SECONDS = 90.0
"""Time for trials to save a checkpoint after a signal; Slurm often allows 120 s in all."""


class Interruption(BaseException):
    """A signal asked the sweep to stop; not an ``Exception``, so that no handler catches it.

    Attributes:
        number: the signal.
    """

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


class Interrupts:
    """Records signals that ask to stop while the context is open.

    Attributes:
        number: the first signal received; None if there was none.
        grace_seconds: time for trials to stop after it.
    """

    def __init__(self) -> None:
        self.number: int | None = None
        self.grace_seconds = GRACE_SECONDS
        self._since = 0.0
        self._before: dict[int, object] = {}

    def __enter__(self) -> Self:
        """Install the signal handlers; does nothing outside the main thread, as in a notebook."""
        if threading.current_thread() is not threading.main_thread():
            return self
        for number in ASKING:
            before = signal.getsignal(number)
            if before is not signal.SIG_IGN or number == signal.SIGINT:  # nohup ignores SIGHUP
                self._before[number] = signal.signal(number, self._note)
        return self

    def __exit__(self, *_: object) -> None:
        """Restore the previous signal handlers."""
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]

    def _note(self, number: int, frame: FrameType | None) -> None:
        del frame
        if self.number is None:
            self.number, self._since = number, time.monotonic()
        for other in self._before:  # a second signal ends the process
            signal.signal(other, signal.SIG_DFL)

    def check(self) -> None:
        """Raise ``Interruption`` if a signal was received."""
        if self.number is not None:
            raise Interruption(self.number)

    def overdue(self) -> bool:
        """Whether the time for running trials to stop after a signal is over."""
        late = time.monotonic() - self._since > self.grace_seconds
        return self.number is not None and late


def ignore_signals() -> None:
    """Ignore the signals: they reach a whole process group, and the driver handles them."""
    for number in ASKING:
        signal.signal(number, signal.SIG_IGN)
    if sys.platform != "win32":
        signal.pthread_sigmask(signal.SIG_UNBLOCK, ASKING)


@contextlib.contextmanager
def held_back() -> Iterator[None]:
    """Block signals for a moment, in this process and in processes started meanwhile.

    A child process inherits the block, so no signal reaches it before it ignores signals.
    """
    if sys.platform == "win32":
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ASKING)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
