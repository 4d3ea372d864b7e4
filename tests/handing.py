"""An objective whose trials return results that violate the contract, each in a different way."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from one_by_one import OneByOne

from sweep.study.objective import ObjectiveInfo
from sweep.study.space import Space
from sweep.study.trial import Failure, Pack, Report, TrialParams, TrialResult, TrialState

DONE = TrialState.COMPLETE
Changes = dict[str, Any]

RESULTS: dict[str, Changes] = {
    "sound": {},
    "numpy": {
        "value": np.float32(0.5),
        "metrics": {np.str_("loss"): np.float64(0.25), "each": [np.int64(1), np.bool_(True)]},
        "details": {"rank": np.int32(4)},
        "seconds": np.float64(1.5),
    },
    "state as text": {"state": "COMPLETE"},
    "not finite beside": {"metrics": {"loss": math.nan, "each": {"a": [math.inf]}}},
    "a whole number beyond floats beside": {"metrics": {"n": 10**400}},
    "value text": {"value": "0.5"},
    "value true": {"value": True},
    "value array": {"value": np.array([0.5])},
    "value complex": {"value": 0.5j},
    "value NaN": {"value": math.nan},
    "value endless": {"value": -math.inf},
    "value beyond floats": {"value": 10**400},
    "value missing": {"value": None},
    "value of a pruned trial": {"state": TrialState.PRUNED},
    "state unknown": {"state": "DONE"},
    "state None": {"state": None},
    "metrics None": {"metrics": None},
    "metrics a list": {"metrics": [1, 2]},
    "metrics named by number": {"metrics": {1: 2}},
    "metrics named by number within": {"metrics": {"a": {0.5: 2}}},
    "metrics array": {"metrics": {"probabilities": np.zeros(3)}},
    "metrics a function": {"metrics": {"f": lambda: 0}},
    "details a set": {"details": {"seen": {1}}},
    "details bytes": {"details": {"raw": b"x"}},
    "seconds text": {"seconds": "fast"},
    "seconds negative": {"seconds": -1.0},
    "seconds NaN": {"seconds": math.nan},
    "seconds None": {"seconds": None},
    "FAIL without a reason": {"state": TrialState.FAIL, "value": None},
    "FAIL with a blank reason": {"state": TrialState.FAIL, "failure": Failure(" ", "X", "y")},
    "FAIL for an exception": {"state": TrialState.FAIL, "failure": ValueError("odd")},
    "failure of a complete trial": {"failure": Failure("exception", "X", "y")},
    "an interruption not asked for": {
        "state": TrialState.FAIL,
        "value": None,
        "failure": Failure("interrupted", "Interrupted", "I left"),
    },
    "failure of odd parts": {
        "state": TrialState.FAIL,
        "failure": Failure(np.str_("exception"), ValueError, ValueError("odd"), None, "much"),  # type: ignore[arg-type]
    },
}
"""The changes that make a valid result invalid, by kind."""

REPORTS: dict[str, tuple[Any, Any, Any]] = {
    "a report of numpy's": (np.int64(3), np.float32(0.5), {np.str_("loss"): np.float64(0.5)}),
    "a report not finite": (3, math.nan, {"loss": math.inf}),
    "a step negative": (-1, 0.5, {}),
    "a step NaN": (math.nan, 0.5, {}),
    "a step a fraction": (1.5, 0.5, {}),
    "a step true": (True, 0.5, {}),
    "a step beyond databases": (2**31, 0.5, {}),
    "a step text": ("1", 0.5, {}),
    "a reported value text": (1, "high", {}),
    "a reported value None": (1, None, {}),
    "reported metrics None": (1, 0.5, None),
    "reported metrics of text": (1, 0.5, {"phase": "warm"}),
    "reported metrics array": (1, 0.5, {"loss": np.zeros(2)}),
    "a reported metric called step": (1, 0.5, {"step": 7}),
}
"""Invalid evaluation points, by kind."""

LISTS: dict[str, Callable[[list[TrialResult]], Any]] = {
    "nothing returned": lambda _: None,
    "a text returned": lambda _: "done",
    "a value for a result": lambda results: [0.5 for _ in results],
    "no result": lambda _: [],
    "two results": lambda results: [*results, *results],
    "a number of text": lambda results: [TrialResult("0", r.state, r.value) for r in results],  # type: ignore[arg-type]
    "another trial's result": lambda results: [TrialResult(99, r.state, r.value) for r in results],
}
"""Return values in place of a list of results, for a pack of one trial."""


class Handing(OneByOne):
    """Each trial returns the invalid result that its parameter ``how`` names.

    Settings: none, or ``how`` for all trials.
    """

    def facts(self) -> ObjectiveInfo:
        """No inputs are read; the numbers are NumPy's."""
        return ObjectiveInfo(workers=np.int64(1), about={"size": np.float64(0.5), "odd": math.nan})  # type: ignore[arg-type]

    def check(self, space: Space, baselines: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """Nothing to check."""
        del space, baselines
        return {"count": np.int64(1)}

    def run(self, pack: Pack, *arguments: Any, **options: Any) -> list[TrialResult]:
        """Run all trials; the last one's ``how`` may also change the returned list."""
        results = super().run(pack, *arguments, **options)
        returned: list[TrialResult] = LISTS.get(self._how(pack[-1]), lambda sound: sound)(results)
        return returned

    def one(self, params: TrialParams, report: Report) -> TrialResult:
        """A valid result with the invalid change of ``how``."""
        how = self._how(params)
        if how in REPORTS:
            report(params.number, *REPORTS[how])
        fields: Changes = {"state": DONE, "value": 0.5, **RESULTS.get(how, {})}
        return TrialResult(np.int64(params.number), **fields)  # type: ignore[arg-type]

    def _how(self, params: TrialParams) -> str:
        return str(self._settings.get("how") or params.values.get("how"))
