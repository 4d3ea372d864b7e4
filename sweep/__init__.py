"""lorasweep's framework: define studies, run them, and analyse them.

It uses Optuna and is independent of models: what a trial does is defined by an objective.

Trials of any other program can be analysed without running a study here:

    from sweep import Claim, TrialTable, verdict

    table = TrialTable.from_frame(frame, value="accuracy")
    print(verdict(table, Claim(dominant="targets", over=("rank", "scaling"))).headline)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sweep import _moved
from sweep.study.claim import Claim
from sweep.study.design import Design
from sweep.study.function import FunctionObjective
from sweep.study.measures import Metric
from sweep.study.parameters import Choice, Float, Int, TargetSets
from sweep.study.space import Space
from sweep.study.spec import Baseline, Budget, Pruner, Sampler, StudySpec

_moved.install()

if TYPE_CHECKING:
    from sweep.analysis.table import TrialTable
    from sweep.analysis.verdict.result import Verdict
    from sweep.analysis.verdict.verdict import judge as verdict
    from sweep.results.optimize import optimize

__all__ = [
    "Baseline",
    "Budget",
    "Choice",
    "Claim",
    "Design",
    "Float",
    "FunctionObjective",
    "Int",
    "Metric",
    "Pruner",
    "Sampler",
    "Space",
    "StudySpec",
    "TargetSets",
    "TrialTable",
    "Verdict",
    "optimize",
    "verdict",
]


def __getattr__(name: str) -> Any:
    """Import names that need Optuna, numpy or scipy on first use."""
    match name:
        case "optimize":
            from sweep.results.optimize import optimize

            return optimize
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
