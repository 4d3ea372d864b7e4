"""Wait for a database server that is unreachable, and repeat the failed operation."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import TypeVar

from sweep.storage.errors import StorageLostError

log = logging.getLogger("lorasweep")

LOST_SECONDS = 600
"""How long to wait for an unreachable server; running trials continue meanwhile."""

T = TypeVar("T")


def retry_while_unreachable(
    act: Callable[[], T],
    check: Callable[[], None],
    again: Callable[[], object] | None = None,
) -> T:
    """Run a database operation; while the server is unreachable, wait and repeat it.

    Args:
        act: the operation; must be safe to repeat if it succeeded and only the answer was lost.
        check: called between attempts; may raise to give up.
        again: called before each repetition, to make it safe.

    Returns:
        What ``act`` returns.

    Raises:
        StorageError: if the server stays unreachable, or the database reports another error.
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
