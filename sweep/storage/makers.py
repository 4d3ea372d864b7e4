"""Whether lorasweep made a study, and which of its attributes may be read.

Plain Optuna studies and their trials may have attributes of any name and type. Attributes such as
``failure`` and ``about`` are read only from a study that lorasweep made; of any other study only
Optuna's own data is read.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping
from typing import Any, TypeVar

import optuna
from optuna.trial import FrozenTrial

T = TypeVar("T")

_DIGEST = re.compile(r"[0-9a-f]{16}")


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
