"""What mattered: the importance of each parameter, with intervals, from a ``TrialTable``."""

from sweep.importance.analysis import METHODS, importance, importance_report
from sweep.importance.methods import ESTIMATORS
from sweep.importance.module_result import ModuleReport, ModuleShare
from sweep.importance.modules import module_report
from sweep.importance.result import Importance, ImportanceReport, ImportanceTable, Method
from sweep.importance.veto import FanovaCheck, fanova_veto

ALL_METHODS: tuple[Method, ...] = tuple(ESTIMATORS)
"""Every method by name; each answers its own question."""

__all__ = [
    "ALL_METHODS",
    "METHODS",
    "FanovaCheck",
    "Importance",
    "ImportanceReport",
    "ImportanceTable",
    "Method",
    "ModuleReport",
    "ModuleShare",
    "fanova_veto",
    "importance",
    "importance_report",
    "module_report",
]
