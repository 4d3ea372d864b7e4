"""When the database's server is away: wait for it, and do again what it did not answer."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import TypeVar

from sweep.storage.errors import StorageLostError

log = logging.getLogger("lorasweep")

LOST_SECONDS = 600
"""How long to wait for a server that is away; the trials go on meanwhile."""

T = TypeVar("T")


def retry_while_unreachable(
    act: Callable[[], T],
    check: Callable[[], None],
    again: Callable[[], object] | None = None,
) -> T:
    """Do something with the database; if its server is away, wait for it and do it again.

    Args:
        act: what to do; harmless when it had been done and only the answer was lost.
        check: asked between tries; may raise to give up.
        again: what makes it harmless, done first from the second try on.

    Raises:
        StorageError: if the server stays away, or the database itself is at fault.
    """
    deadline = time.monotonic() + LOST_SECONDS
    tries = 0
    while True:
        try:
            if tries and again is not None:
                again()
            return act()
        except StorageLostError as error:
            if time.monotonic() > deadline:
                raise
            if not tries:
                log.warning("waiting for the database: %s", error)
            tries += 1
            check()
            time.sleep(min(2.0, 0.1 * 2**tries))
