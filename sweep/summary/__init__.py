"""Reports as terminal tables, printed from the same JSON trees that ``--json`` prints."""

from sweep.summary.check import print_check
from sweep.summary.data import print_converted, print_described, print_fetched
from sweep.summary.design import print_design, print_pilot
from sweep.summary.importance import print_importance
from sweep.summary.status import print_failures, print_status

__all__ = [
    "print_check",
    "print_converted",
    "print_described",
    "print_design",
    "print_failures",
    "print_fetched",
    "print_importance",
    "print_pilot",
    "print_status",
]
