"""A driver that kills itself at a chosen point between a trial's end and its successor's start."""

from __future__ import annotations

import os
import signal
from typing import Any

from sweep.driver.loop import TuningLoop
from sweep.driver.trial_store import TrialStore
from sweep.workers.local import WorkerProcess

POINTS = {
    "before it is told": (TrialStore, "tell", "before"),
    "after it is told": (TrialStore, "tell", "after"),
    "before the next is asked for": (TuningLoop, "_successor", "before"),
    "while the next is begun": (TuningLoop, "_started", "after"),
    "before the next is sent": (TuningLoop, "_successor", "after"),
    "after the next is sent": (WorkerProcess, "follow", "after"),
}
"""The method to die in, and whether before or after it."""


def arm(point: str, times: int) -> None:
    """Kill this process when it reaches a point for the n-th time."""
    owner, name, side = POINTS[point]
    method = getattr(owner, name)
    left = [times]

    def deadly(*arguments: Any) -> Any:
        left[0] -= 1
        if not left[0] and side == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        result = method(*arguments)
        if not left[0]:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    setattr(owner, name, deadly)
