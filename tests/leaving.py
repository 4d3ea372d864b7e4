"""An objective whose input file is moved away during its trials."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from one_by_one import OneByOne

from sweep.study.objective import ObjectiveInfo
from sweep.study.trial import Failure, Report, TrialParams, TrialResult, TrialState


class Leaving(OneByOne):
    """Each trial reads ``value`` from its ``data``; the third finds it moved to ``taken``, once."""

    def __init__(self, settings: Mapping[str, Any], inputs: Mapping[str, str]) -> None:
        super().__init__(settings, inputs)
        self._data = Path(inputs["data"])

    def facts(self) -> ObjectiveInfo:
        """Facts with the data's digest."""
        return ObjectiveInfo(fingerprints={"data": (self._data / "value").read_text()})

    def one(self, params: TrialParams, report: Report) -> TrialResult:
        """The trial's result with the value read."""
        del report
        flag = self._data.with_name("take")
        if params.number == 2 and flag.exists():
            flag.unlink()
            self._data.rename(self._data.with_name("taken"))
        try:
            value = float((self._data / "value").read_text())
        except OSError as error:
            return TrialResult.failed(params.number, Failure.from_exception(error))
        return TrialResult(params.number, TrialState.COMPLETE, value)
