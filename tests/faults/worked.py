"""An objective that logs every step, so that repeated steps can be counted."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from objectives.cooperative import Walk, run_in_lanes
from objectives.synthetic import Synthetic
from sweep.study.objective import ObjectiveInfo
from sweep.study.space import Space
from sweep.study.trial import (
    Leave,
    Pack,
    Refill,
    Report,
    TrialParams,
    TrialResult,
    TrialState,
    no_refill,
    stay,
)


class Worked:
    """The synthetic MCC surface in steps, each of which is evaluated, checkpointed and logged.

    Settings: those of ``Synthetic``. Inputs: ``log``, a file that takes a line per step.
    """

    def __init__(self, settings: Mapping[str, Any], inputs: Mapping[str, str]) -> None:
        self._synthetic = Synthetic({**settings, "sleep_seconds": 0.0, "steps": 1}, {})
        self._steps = int(settings["steps"])
        self._seconds = float(settings["sleep_seconds"]) / self._steps
        self._log = inputs.get("log", "")

    def facts(self) -> ObjectiveInfo:
        """As many workers as requested on the command line."""
        return ObjectiveInfo(workers=2)

    def check(self, space: Space, baselines: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """The checks of the surface."""
        return self._synthetic.check(space, baselines)

    def run(
        self, pack: Pack, report: Report, leave: Leave = stay, refill: Refill = no_refill
    ) -> list[TrialResult]:
        """Run all trials of a pack in the time of one."""
        return run_in_lanes(
            pack, lambda params: self._run(params, report), leave, refill, self._seconds
        )

    def _run(self, params: TrialParams, report: Report) -> Walk:
        (whole,) = self._synthetic.run([params], lambda *_: False)
        assert whole.value is not None, whole.failure
        checkpoint = Path(params.folder) / "steps"
        done = int(checkpoint.read_text()) if checkpoint.is_file() else 0
        for step in range(1, self._steps + 1):
            if step > done:
                if (yield):
                    return TrialResult.interrupted(params.number, f"left before step {step}")
                self._trace(params, step)
                checkpoint.parent.mkdir(parents=True, exist_ok=True)
                scratch = checkpoint.with_name(f"steps.{os.getpid()}")
                scratch.write_text(str(step))
                scratch.replace(checkpoint)
            report(params.number, step, whole.value * step / self._steps, {})
        return TrialResult(params.number, TrialState.COMPLETE, whole.value, seconds=0.0)

    def _trace(self, params: TrialParams, step: int) -> None:
        """Append a short line in one write, which a kill cannot split."""
        if self._log:
            line = f"{sorted(params.values.items())} {params.seed} {step}\n"
            with Path(self._log).open("a") as file:
                file.write(line)
