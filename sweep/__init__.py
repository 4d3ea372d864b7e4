"""lorasweep's framework: studies, how they run, and what they show.

Knows Optuna, and nothing of models: what a trial does is an objective's business.
"""

from sweep.space import Choice, Float, Int, Space, TargetSets
from sweep.spec import Baseline, Budget, Pruner, Sampler, StudySpec

__all__ = [
    "Baseline",
    "Budget",
    "Choice",
    "Float",
    "Int",
    "Pruner",
    "Sampler",
    "Space",
    "StudySpec",
    "TargetSets",
]
