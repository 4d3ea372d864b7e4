"""An objective one trial of which replaces or removes files that the sweep uses."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from objectives.synthetic import Synthetic
from sweep.study.objective import ObjectiveInfo
from sweep.study.trial import Leave, Pack, Refill, Report, TrialResult, no_refill, stay


class Swapped(Synthetic):
    """``Synthetic`` with an input ``data``; trial ``at`` replaces it and kills its worker.

    The next worker finds ``content`` under the same name, or no file if it is empty.
    If the setting ``removes`` names a folder, that is removed instead of the data.
    """

    def __init__(self, settings: Mapping[str, Any], inputs: Mapping[str, str]) -> None:
        own = {name: settings[name] for name in ("at", "content", "removes")}
        super().__init__({n: v for n, v in settings.items() if n not in own}, {})
        self._at, self._content = own["at"], str(own["content"])
        self._removes = str(own["removes"])
        self._data = Path(inputs["data"])

    def facts(self) -> ObjectiveInfo:
        """Facts with the file's current digest."""
        digest = hashlib.sha256(self._data.read_bytes()).hexdigest()
        return replace(super().facts(), fingerprints={"data": digest})

    def run(
        self, pack: Pack, report: Report, leave: Leave = stay, refill: Refill = no_refill
    ) -> list[TrialResult]:
        """Run as usual, except for trial ``at``."""

        def reported(number: int, step: int, value: float, metrics: Mapping[str, float]) -> bool:
            if number == self._at:
                self._spoil()
                os.kill(os.getpid(), signal.SIGKILL)
                signal.pause()
            return report(number, step, value, metrics)

        return super().run(pack, reported, leave, refill)

    def _spoil(self) -> None:
        if self._removes:
            shutil.rmtree(self._removes)
            return
        self._data.unlink()
        if self._content:
            self._data.write_text(self._content)
