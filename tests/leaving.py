"""An objective whose input is taken away while its trials run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from objectives.synthetic import Synthetic
from sweep.objective import Facts
from sweep.space import Space
from sweep.trial import (
    Failure,
    Leave,
    Pack,
    Refill,
    Report,
    TrialResult,
    TrialState,
    nobody_waits,
    stay,
)


class Leaving(Synthetic):
    """Each trial reads ``value`` of its ``data``; the third finds it moved to ``taken``, once."""

    def __init__(self, settings: Mapping[str, Any], inputs: Mapping[str, str]) -> None:
        super().__init__(settings, inputs)
        self._data = Path(inputs["data"])

    def facts(self) -> Facts:
        """What the data hold."""
        text = (self._data / "value").read_text()
        return replace(super().facts(), fingerprints={"data": text})

    def check(self, space: Space, baselines: Any) -> dict[str, Any]:
        """Nothing to check."""
        del space, baselines
        return {}

    def run(
        self, pack: Pack, report: Report, leave: Leave = stay, refill: Refill = nobody_waits
    ) -> list[TrialResult]:
        """One by one."""
        del report, leave, refill
        flag = self._data.with_name("take")
        results = []
        for params in pack:
            if params.number == 2 and flag.exists():
                flag.unlink()
                self._data.rename(self._data.with_name("taken"))
            try:
                value = float((self._data / "value").read_text())
            except OSError as error:
                results.append(TrialResult.failed(params.number, Failure.from_exception(error)))
                continue
            results.append(TrialResult(params.number, TrialState.COMPLETE, value))
        return results
