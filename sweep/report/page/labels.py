"""Readable labels for keys of the report tree."""

from __future__ import annotations

from collections.abc import Mapping

COLUMNS: Mapping[str, str] = {
    "train_value": "on train",
    "gap": "gap to train",
    "phase": "phase",
    "replicate": "replicate",
    "seed": "seed",
    "size": "parameters",
    "seconds": "time",
}
"""Titles of the optional columns of the trial table."""

MEASURED = ("best", "final_test")
"""Parts of the tree whose keys are names of metrics."""

CHOSEN = ("params", "shown")
"""Parts of these whose keys are names of parameters."""


def is_metric(pointer: str) -> bool:
    """Whether the last key of a JSON pointer may name a metric.

    Example:
        >>> is_metric("/best/metrics/loss"), is_metric("/best/params/loss")
        (True, False)
    """
    parts = pointer.split("/")[1:]
    return len(parts) > 2 and parts[0] in MEASURED and parts[1] not in CHOSEN
