"""What lorasweep's own objectives measure, by dotted name; imports no torch.

For studies stored by versions whose objectives did not describe their metrics, and for curves of
which trials store the counts only; see ``sweep.results.status.OwnObjectives``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from objectives.metrics import binary_measures as binary
from sweep.study.measures import Measures

BINDING = "objectives.binding.objective:BindingObjective"
"""The dotted name of the one whose older versions did not describe their metrics."""

_OWN = BINDING, "objectives.tasks.objective:LoraObjective"


def measures(objective: str) -> Measures:
    """What an objective measures; nothing of one that is not lorasweep's."""
    return binary.MEASURES if objective == BINDING else Measures()


def completed(objective: str, metrics: Mapping[str, Any]) -> Mapping[str, Any]:
    """A trial's metrics with the columns of its curves."""
    return binary.completed(metrics) if objective in _OWN else metrics
