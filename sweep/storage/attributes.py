"""Whether lorasweep made a study, and what the attributes of its trials say.

Attributes such as ``failure`` and ``about`` are read only from a study that lorasweep made: plain
Optuna studies and their trials may have attributes of any name and type.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import optuna
from optuna.trial import FrozenTrial, TrialState

from sweep.errors import StorageError, fault
from sweep.study.design import SEARCH, is_collapsed
from sweep.study.spec import StudySpec
from sweep.study.trial import Failure, Scalar

T = TypeVar("T")
Values = Mapping[str, Scalar]
Tags = Mapping[str, Any]

_DIGEST = re.compile(r"[0-9a-f]{16}")

TAGS = ("phase", "design", "replicate", "seed", "rerun_of")
"""User attributes that a retry takes over from the trial it retries.

``phase`` is the part of the study, ``design`` the index of the configuration in the design,
``replicate`` the index of the seed, ``seed`` that seed, and ``rerun_of`` the collapsed trial that
it reruns.
"""


def is_ours(study: optuna.Study) -> bool:
    """Whether lorasweep made a study."""
    return signed(study.user_attrs)


def signed(attributes: Mapping[str, Any]) -> bool:
    """Whether attributes are those of a lorasweep study: a spec, and the digest of one."""
    spec, digest = attributes.get("spec"), attributes.get("spec_digest")
    return isinstance(spec, Mapping) and isinstance(digest, str) and bool(_DIGEST.fullmatch(digest))


def own_attributes(study: optuna.Study) -> Mapping[str, Any]:
    """The attributes of a study that lorasweep made; empty for any other study."""
    return study.user_attrs if is_ours(study) else {}


def trials_of(study: optuna.Study) -> list[FrozenTrial]:
    """All trials of a study; without user attributes if lorasweep did not make it."""
    trials = study.get_trials(deepcopy=False)
    return trials if is_ours(study) else [_bare(trial) for trial in trials]


def _bare(trial: FrozenTrial) -> FrozenTrial:
    bare = copy.copy(trial)
    bare.user_attrs = {}
    bare.params = _by_visible_name(trial.params)
    bare.distributions = _by_visible_name(trial.distributions)
    return bare


def _by_visible_name(tree: Mapping[str, T]) -> dict[str, T]:
    """Parameters by name; a blank name is shown in quotes."""
    return {name if name.strip() else repr(name): each for name, each in tree.items()}


def failure_of(trial: FrozenTrial) -> Failure | None:
    """Why a trial has no value; None if it has not failed, or no reason is stored.

    Raises:
        StorageError: if the reason has other fields than those that lorasweep stores.
    """
    stored = trial.user_attrs.get("failure")
    try:
        return None if stored is None else Failure(**stored)
    except TypeError as error:
        name, rule = f"the attribute failure of trial {trial.number}", "be what lorasweep stored"
        way_out = "The database is damaged; restore a copy"
        raise StorageError(fault(name, rule, stored, way_out=way_out)) from error


def values_of(trial: FrozenTrial, spec: StudySpec) -> Values | None:
    """A trial's full configuration; None if it ended before it had one.

    Values with which a trial was queued count even if it was killed before Optuna stored them as
    parameters.
    """
    values = {**trial.system_attrs.get("fixed_params", {}), **trial.params}
    return values if set(values) == set(spec.space) else None


def seed_of(trial: FrozenTrial, spec: StudySpec) -> int:
    """A trial's seed; derived from its replicate index if none is stored."""
    seed: int | None = trial.user_attrs.get("seed")
    if seed is not None:
        return seed
    replicate = trial.user_attrs.get("replicate", 0)
    return spec.seeds[replicate if replicate < len(spec.seeds) else 0]


def counts(trial: FrozenTrial) -> bool:
    """Whether a COMPLETE trial counts towards the budget: neither a copy nor a rerun."""
    return not {"reused_from", "rerun_of"} & set(trial.user_attrs)


def count_by_phase(trials: Sequence[FrozenTrial], points: int) -> dict[str, Any]:
    """The number of a study's trials by phase.

    Args:
        trials: all trials.
        points: number of runs of its design; 0 without one.

    Returns:
        ``counted``: COMPLETE trials that count towards the budget; ``points``; ``by_phase``: those
        trials by phase; ``collapsed``: how many of them learned nothing; ``run_again``: COMPLETE
        reruns of collapsed trials.
    """
    complete = [trial for trial in trials if trial.state == TrialState.COMPLETE]
    counted = [trial for trial in complete if counts(trial)]
    phases = [trial.user_attrs.get("phase", SEARCH) for trial in counted]
    return {
        "counted": len(counted),
        "points": points,
        "by_phase": {phase: phases.count(phase) for phase in dict.fromkeys(phases)},
        "collapsed": sum(is_collapsed(t.user_attrs.get("metrics", {})) for t in counted),
        "run_again": sum("rerun_of" in trial.user_attrs for trial in complete),
    }
