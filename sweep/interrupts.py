"""Signals that ask a sweep to end, heard at safe points only.

A handler that raised would cut a database transaction in two. So the first signal is
only noted, and the driver's loop asks; a second one ends the process at once.
"""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType
from typing import Self


class Interruption(BaseException):
    """A signal asked the sweep to end; not an ``Exception``, so that nothing swallows it.

    Attributes:
        number: the signal.
    """

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


class Interrupts:
    """Notes SIGINT and SIGTERM while it is entered."""

    def __init__(self) -> None:
        self._number: int | None = None
        self._before: dict[int, object] = {}

    def __enter__(self) -> Self:
        """Listen; only the main thread may, elsewhere (a notebook's thread) this does nothing."""
        if threading.current_thread() is not threading.main_thread():
            return self
        for number in (signal.SIGINT, signal.SIGTERM):
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
        self._number = number
        signal.signal(number, signal.SIG_DFL)

    def check(self) -> None:
        """Raise ``Interruption`` if a signal came."""
        if self._number is not None:
            raise Interruption(self._number)
