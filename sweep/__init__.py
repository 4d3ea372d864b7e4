"""lorasweep's framework: studies, how they run, and what they show.

Knows Optuna, and nothing of models: what a trial does is an objective's business.

Any simulator or spreadsheet can have a verdict, without running a study here:

    from sweep import Claim, TrialTable, verdict
    table = TrialTable.from_frame(frame, value="mcc")
    print(verdict(table, Claim(dominant="targets", over=("rank", "scaling"))).headline)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sweep import _moved
from sweep.study.claim import Claim
from sweep.study.design import Design
from sweep.study.parameters import Choice, Float, Int, TargetSets
from sweep.study.space import Space
from sweep.study.spec import Baseline, Budget, Pruner, Sampler, StudySpec

_moved.install()

if TYPE_CHECKING:
    from sweep.analysis.table import TrialTable
    from sweep.analysis.verdict.result import Verdict
    from sweep.analysis.verdict.verdict import judge as verdict

__all__ = [
    "Baseline",
    "Budget",
    "Choice",
    "Claim",
    "Design",
    "Float",
    "Int",
    "Pruner",
    "Sampler",
    "Space",
    "StudySpec",
    "TargetSets",
    "TrialTable",
    "Verdict",
    "verdict",
]


def __getattr__(name: str) -> Any:
    """What needs numpy or scipy is imported when it is first asked for."""
    match name:
        case "TrialTable":
            from sweep.analysis.table import TrialTable

            return TrialTable
        case "verdict":
            from sweep.analysis.verdict.verdict import judge

            return judge
        case "Verdict":
            from sweep.analysis.verdict.result import Verdict

            return Verdict
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
