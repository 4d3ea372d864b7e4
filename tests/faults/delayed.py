"""An objective with random trial durations, and one very slow trial."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

from objectives.cooperative import Walk, run_in_lanes
from objectives.synthetic import Synthetic
from sweep.study.trial import Leave, Pack, Refill, Report, TrialParams, TrialResult, no_refill, stay

TURN_SECONDS = 0.02


class Delayed(Synthetic):
    """``Synthetic`` after a random number of waits of 0.02 s.

    Settings: those of ``Synthetic``, ``delays`` (the seed; 0 for none), and ``straggler``, the
    waits of trial 0 (0 for as many as others). Inputs: none; results depend on neither.
    """

    def __init__(self, settings: Mapping[str, Any], inputs: Mapping[str, str]) -> None:
        own = {"delays": 0, "straggler": 0}
        own.update({name: settings[name] for name in own if name in settings})
        super().__init__({n: v for n, v in settings.items() if n not in own}, inputs)
        self._delays, self._straggler = int(own["delays"]), int(own["straggler"])

    def run(
        self, pack: Pack, report: Report, leave: Leave = stay, refill: Refill = no_refill
    ) -> list[TrialResult]:
        """Run the trials of a pack in alternation."""
        return run_in_lanes(
            pack, lambda params: self._late(params, report), leave, refill, TURN_SECONDS
        )

    def _late(self, params: TrialParams, report: Report) -> Walk:
        turns = random.Random(f"{self._delays} {params.number}").randrange(25)
        if not self._delays:
            turns = 0
        if self._straggler and params.number == 0:
            turns = self._straggler
        for _ in range(turns):
            if (yield):
                return TrialResult.interrupted(params.number, "left while it waited")
        (result,) = Synthetic.run(self, [params], report)
        return result
