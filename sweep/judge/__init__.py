"""The verdict on a claim, with its uncertainty: tables in, records out."""

from sweep.judge.crosschecks import CheckOptions
from sweep.judge.judge import judge
from sweep.judge.records import (
    BestPlace,
    Comparison,
    CrossCheck,
    Effect,
    Excluded,
    Part,
    State,
    Verdict,
)

__all__ = [
    "BestPlace",
    "CheckOptions",
    "Comparison",
    "CrossCheck",
    "Effect",
    "Excluded",
    "Part",
    "State",
    "Verdict",
    "judge",
]
