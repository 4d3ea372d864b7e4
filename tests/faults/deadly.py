"""Objectives that kill their worker, or break the contract of ``run``."""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from objectives.synthetic import Synthetic
from sweep.study.objective import ObjectiveInfo
from sweep.study.trial import Leave, Pack, Refill, Report, TrialParams, TrialResult, no_refill, stay


class Deadly(Synthetic):
    """``Synthetic`` that kills its worker as the kernel's OOM killer does.

    Settings: those of ``Synthetic``, and ``most`` trials that fit the memory together (0 for any
    number), ``poison`` (a rank that kills any worker), ``signal`` that kills, and
    ``advised``, the pack size that it advises.
    """

    def __init__(self, settings: Mapping[str, Any], inputs: Mapping[str, str]) -> None:
        own = {"most": 0, "poison": -1, "signal": "SIGKILL", "advised": 1}
        own.update({name: settings[name] for name in own if name in settings})
        super().__init__({n: v for n, v in settings.items() if n not in own}, inputs)
        self._most, self._poison = own["most"], own["poison"]
        self._signal = getattr(signal, str(own["signal"]))
        self._advised = int(own["advised"])

    def facts(self) -> ObjectiveInfo:
        """Facts with the pack size from the settings."""
        return replace(super().facts(), pack=self._advised)

    def run(
        self, pack: Pack, report: Report, leave: Leave = stay, refill: Refill = no_refill
    ) -> list[TrialResult]:
        """Run as usual, until the pack does not fit."""
        inside = {params.number: params for params in pack}

        def reported(number: int, step: int, value: float, metrics: Mapping[str, float]) -> bool:
            too_many = self._most and len(inside) > self._most
            if step == 2 and (too_many or self._poisoned(inside[number])):
                os.kill(os.getpid(), self._signal)
                signal.pause()
            return report(number, step, value, metrics)

        def refilled(result: TrialResult) -> TrialParams | None:
            following = refill(result)
            del inside[result.number]
            if following is not None:
                inside[following.number] = following
            return following

        return super().run(pack, reported, leave, refilled)

    def _poisoned(self, params: TrialParams) -> bool:
        return params.values["rank"] == self._poison


class Careless(Synthetic):
    """``Synthetic`` whose trial of rank 8 raises, finishes twice, or is lost.

    Settings: those of ``Synthetic``, and ``how``.
    """

    def __init__(self, settings: Mapping[str, Any], inputs: Mapping[str, str]) -> None:
        self._how = settings["how"]
        super().__init__({n: v for n, v in settings.items() if n != "how"}, inputs)

    def run(
        self, pack: Pack, report: Report, leave: Leave = stay, refill: Refill = no_refill
    ) -> list[TrialResult]:
        """Run as usual, until the trial of rank 8 ends."""
        bad = {params.number for params in pack if params.values["rank"] == 8}

        def refilled(result: TrialResult) -> TrialParams | None:
            if result.number not in bad:
                return refill(result)
            if self._how == "raised":
                raise RuntimeError("the lanes are entangled")
            if self._how == "unsendable":
                return refill(TrialResult(result.number, result.state, metrics={"f": lambda: 0}))
            if self._how == "twice":
                refill(result)
                return refill(result)
            return None

        return super().run(pack, report, leave, refilled)
