"""Signals that ask a sweep to end, heard at safe points only.

A handler that raised would cut a database transaction in two. So the first signal is
only noted, and the driver's loop asks; a second one ends the process at once. Trials that have not
left ``GRACE_SECONDS`` after the first one lose their workers, so one signal always ends a sweep.
"""

from __future__ import annotations

import contextlib
import signal
import sys
import threading
import time
from collections.abc import Iterator
from types import FrameType, TracebackType
from typing import Self

ASKING = tuple(
    getattr(signal, name)
    for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGUSR1", "SIGUSR2")
    if hasattr(signal, name)
)
"""Ctrl-C; kill, and Slurm before it takes a machine away; a closed terminal; and the two that
``sbatch --signal`` is told to send ahead of the end."""

GRACE_SECONDS = 90.0
"""How long trials have to finish their step and checkpoint after the first signal. Slurm is often
told to send it 120 s ahead of the end, which leaves the driver time to close the study."""


class Interruption(BaseException):
    """A signal asked the sweep to end; not an ``Exception``, so that nothing swallows it.

    Attributes:
        number: the signal.
    """

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


class Interrupts:
    """Notes the signals that ask to end while it is entered.

    Attributes:
        number: the first signal that came; None as long as none did.
        grace_seconds: how long trials have to leave after it.
    """

    def __init__(self) -> None:
        self.number: int | None = None
        self.grace_seconds = GRACE_SECONDS
        self._since = 0.0
        self._before: dict[int, object] = {}

    def __enter__(self) -> Self:
        """Listen; only the main thread may, elsewhere (a notebook's thread) this does nothing."""
        if threading.current_thread() is not threading.main_thread():
            return self
        for number in ASKING:
            before = signal.getsignal(number)
            if before is not signal.SIG_IGN or number == signal.SIGINT:  # nohup ignores SIGHUP
                self._before[number] = signal.signal(number, self._note)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Put back who listened before."""
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]

    def _note(self, number: int, frame: FrameType | None) -> None:
        del frame
        if self.number is None:
            self.number, self._since = number, time.monotonic()
        for other in self._before:  # whichever comes next ends the process
            signal.signal(other, signal.SIG_DFL)

    def check(self) -> None:
        """Raise ``Interruption`` if a signal came."""
        if self.number is not None:
            raise Interruption(self.number)

    def overdue(self) -> bool:
        """Whether a signal came so long ago that trials still under way are to be stopped."""
        late = time.monotonic() - self._since > self.grace_seconds
        return self.number is not None and late


def ignore_signals() -> None:
    """Leave it to the driver what a signal means: it reaches a whole process group."""
    for number in ASKING:
        signal.signal(number, signal.SIG_IGN)
    if sys.platform != "win32":
        signal.pthread_sigmask(signal.SIG_UNBLOCK, ASKING)


@contextlib.contextmanager
def held_back() -> Iterator[None]:
    """Hold signals back for a moment, in this process and in those that it starts meanwhile.

    A child inherits this, so that no signal meets it before it has chosen to ignore it.
    """
    if sys.platform == "win32":
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ASKING)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
