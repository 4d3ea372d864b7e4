"""Results of the simulation by which the method was chosen, for comparison.

It ran a prototype of the estimator on 120 studies a cell, balanced designs with duplicates, at
40, 80, 160 and 240 trials.
"""

from __future__ import annotations

TRIALS = (40, 80, 162, 240)
"""The numbers of trials in our campaign that correspond to its 40, 80, 160 and 240."""

_FIGURES = {
    "A": (("CONFIRMED", (1, 18, 62, 91)), ("dominance", (95, 100, 100, 100))),
    "A2": (("dominance", (2, 7, 16, 22)),),
    "B": (("REFUTED", (18, 44, 74, 95)),),
    "C": (("REFUTED", (99, 100, 100, 100)),),
    "D": (("REFUTED", (100, 100, 100, 100)),),
    "E1": (("REFUTED", (99, 100, 100, 100)),),
    "E2": (("REFUTED", (88, 100, 100, 100)),),
    "Arand": (("CONFIRMED", (3, 15, 64, 86)), ("dominance", (92, 100, 100, 100))),
    "Crand": (("REFUTED", (99, 100, 100, 100)),),
}


def beside(scenario: str, n: int) -> str:
    """The prototype's result for a cell, in percent; empty if it has none."""
    if n not in TRIALS:
        return ""
    at = TRIALS.index(n)
    return ", ".join(f"{what} {found[at]}" for what, found in _FIGURES.get(scenario, ()))
