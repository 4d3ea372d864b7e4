"""An objective whose advised pack size and memory limit depend on its node."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterable, Mapping
from dataclasses import replace

from objectives.synthetic import Synthetic
from sweep.study.objective import ObjectiveInfo
from sweep.study.trial import Leave, Pack, Refill, Report, TrialParams, TrialResult, no_refill, stay


class Sized(Synthetic):
    """``Synthetic`` that advises ``SIZED_LANES`` of its environment.

    It is killed with more than ``SIZED_MOST`` running trials (0: no limit), as by the OOM killer,
    and its fingerprint is ``SIZED_DATA``. A result records the node and the number of running
    trials.
    """

    def facts(self) -> ObjectiveInfo:
        """Facts from the environment."""
        lanes = int(os.environ.get("SIZED_LANES", "1"))
        data = os.environ.get("SIZED_DATA", "")
        return replace(super().facts(), pack=lanes, fingerprints={"data": data})

    def run(
        self, pack: Pack, report: Report, leave: Leave = stay, refill: Refill = no_refill
    ) -> list[TrialResult]:
        """Run as usual, recording the number of running trials."""
        inside = {params.number for params in pack}
        most = int(os.environ.get("SIZED_MOST", "0"))
        name = os.environ.get("SIZED_NAME", "")

        def noted(results: Iterable[TrialResult]) -> list[TrialResult]:
            details = {"node": name, "together": len(inside)}
            return [replace(result, details=details) for result in results]

        def reported(number: int, step: int, value: float, metrics: Mapping[str, float]) -> bool:
            if most and len(inside) > most:
                os.kill(os.getpid(), signal.SIGKILL)
            return report(number, step, value, metrics)

        def refilled(result: TrialResult) -> TrialParams | None:
            following = refill(*noted([result]))
            inside.discard(result.number)
            if following is not None:
                inside.add(following.number)
            return following

        return noted(super().run(pack, reported, leave, refilled))
