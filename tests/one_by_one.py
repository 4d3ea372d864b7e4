"""An objective that computes the trials of a pack one after the other."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

from sweep.study.objective import ObjectiveInfo
from sweep.study.space import Space
from sweep.study.trial import Leave, Pack, Refill, Report, TrialParams, TrialResult, no_refill, stay


class OneByOne(ABC):
    """Runs ``one`` of a subclass on each trial."""

    def __init__(self, settings: Mapping[str, Any], inputs: Mapping[str, str]) -> None:
        self._settings, self._inputs = settings, inputs

    def facts(self) -> ObjectiveInfo:
        """No inputs are read."""
        return ObjectiveInfo()

    def check(self, space: Space, baselines: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """Nothing to check."""
        del space, baselines
        return {}

    def run(
        self, pack: Pack, report: Report, leave: Leave = stay, refill: Refill = no_refill
    ) -> list[TrialResult]:
        """Run all trials of the pack, without refills."""
        del leave, refill
        return [self.one(params, report) for params in pack]

    @abstractmethod
    def one(self, params: TrialParams, report: Report) -> TrialResult:
        """A trial's result."""
