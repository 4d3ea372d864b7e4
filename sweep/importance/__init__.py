"""What mattered: the importance of each parameter, with intervals, from a ``TrialTable``."""

from sweep.importance.analysis import METHODS, importance, importance_report
from sweep.importance.result import Importance, ImportanceReport, ImportanceTable, Method

__all__ = [
    "METHODS",
    "Importance",
    "ImportanceReport",
    "ImportanceTable",
    "Method",
    "importance",
    "importance_report",
]
