"""The search space: parameters, their bounds, and their place on a number line.

Pure data: no Optuna here (``sampling`` translates). A parameter can be built wrong
and says so in ``faults``; the study spec collects the faults of all of them.
"""

from sweep.space.choices import Choice, TargetSets
from sweep.space.param import Param
from sweep.space.ranges import Float, Int
from sweep.space.space import Space

__all__ = ["Choice", "Float", "Int", "Param", "Space", "TargetSets"]
