"""The real objective, one trial of which changes the files that the sweep uses."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Mapping
from typing import Any

from objectives.binding.objective import BindingObjective
from sweep.study.trial import Leave, Pack, Refill, Report, TrialResult, no_refill, stay


class Disturbed(BindingObjective):
    """``BindingObjective`` that runs a shell command during one of its trials.

    Settings: those of ``BindingObjective``; ``command`` and the trial ``at`` whose first report
    runs it; and the trial ``killed`` whose first report ends the worker.
    """

    def __init__(self, settings: Mapping[str, Any], inputs: Mapping[str, str]) -> None:
        own = {name: settings[name] for name in ("command", "at", "killed")}
        super().__init__({n: v for n, v in settings.items() if n not in own}, inputs)
        self._at, self._killed = own["at"], own["killed"]
        self._left = str(own["command"])

    def run(
        self, pack: Pack, report: Report, leave: Leave = stay, refill: Refill = no_refill
    ) -> list[TrialResult]:
        """Run as usual, except for the trials ``at`` and ``killed``."""

        def reported(number: int, step: int, value: float, metrics: Mapping[str, float]) -> bool:
            if number == self._at and self._left:
                subprocess.run(["bash", "-euc", self._left], check=True)
                self._left = ""
            if number == self._killed:
                os.kill(os.getpid(), signal.SIGKILL)
                signal.pause()
            return report(number, step, value, metrics)

        return super().run(pack, reported, leave, refill)
