"""Whose a study is, and what may be read of it: a stranger's attributes are not ours.

Plain Optuna lets a study and its trials have attributes of any name and type. One that is called
``failure`` or ``about`` is ours only in a study that lorasweep made; of any other, nothing but what
Optuna itself keeps is read.
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
    """Whether a study's attributes are lorasweep's: the spec, and the digest written before it."""
    spec, digest = attributes.get("spec"), attributes.get("spec_digest")
    return isinstance(spec, Mapping) and isinstance(digest, str) and bool(_DIGEST.fullmatch(digest))


def told(study: optuna.Study) -> Mapping[str, Any]:
    """What lorasweep wrote down of a study; nothing of one that it did not make."""
    return study.user_attrs if is_ours(study) else {}


def trials_of(study: optuna.Study) -> list[FrozenTrial]:
    """All trials of a study; those of a stranger's without the attributes that they were given."""
    trials = study.get_trials(deepcopy=False)
    return trials if is_ours(study) else [_bare(trial) for trial in trials]


def _bare(trial: FrozenTrial) -> FrozenTrial:
    bare = copy.copy(trial)
    bare.user_attrs = {}
    bare.params = _by_visible_name(trial.params)
    bare.distributions = _by_visible_name(trial.distributions)
    return bare


def _by_visible_name(tree: Mapping[str, T]) -> dict[str, T]:
    """A parameter whose name is blank is called by that name in quotes."""
    return {name if name.strip() else repr(name): each for name, each in tree.items()}
