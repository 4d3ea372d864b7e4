"""An objective whose advice, and whose memory, are those of the node that it is on."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterable, Mapping
from dataclasses import replace

from objectives.synthetic import Synthetic
from sweep.study.objective import ObjectiveInfo
from sweep.study.trial import Leave, Pack, Refill, Report, TrialParams, TrialResult, no_refill, stay


class Sized(Synthetic):
    """``Synthetic``, which advises ``SIZED_LANES`` of its environment.

    It is killed, as by the kernel, with more than ``SIZED_MOST`` trials in hand (0 for any number),
    and its fingerprint is ``SIZED_DATA``. A result tells the node and how many were together.
    """

    def facts(self) -> ObjectiveInfo:
        """What the environment says."""
        lanes = int(os.environ.get("SIZED_LANES", "1"))
        data = os.environ.get("SIZED_DATA", "")
        return replace(super().facts(), pack=lanes, fingerprints={"data": data})

    def run(
        self, pack: Pack, report: Report, leave: Leave = stay, refill: Refill = no_refill
    ) -> list[TrialResult]:
        """As ever, with the number of trials in hand noted."""
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
