"""What a study's objective measures: stored with the study, or given for an older one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import optuna

from sweep.storage.attributes import is_ours
from sweep.storage.studies import read_measures, read_spec
from sweep.study.measures import Measures


class OwnObjectives(Protocol):
    """Describes lorasweep's own objectives, whose studies may be older than stored measures."""

    def measures(self, objective: str) -> Measures:
        """What an objective measures, by its dotted name; nothing of an unknown one."""
        ...

    def completed(self, objective: str, metrics: Mapping[str, Any]) -> Mapping[str, Any]:
        """A trial's metrics with the columns of its curves, if it stores only counts."""
        ...


def measures_of(study: optuna.Study, own: OwnObjectives | None = None) -> Measures:
    """What a study's objective measures; nothing if neither the study nor ``own`` tells it.

    Raises:
        StorageError: if what is stored is not of that form.
    """
    stored = read_measures(study)
    if stored is not None:
        return stored
    if own is None or not is_ours(study):
        return Measures()
    return own.measures(read_spec(study).objective)
