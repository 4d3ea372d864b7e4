"""Search space of a study that was not created by lorasweep, from its trials' distributions.

In plain Optuna every trial defines its own distributions. The parameters common to all COMPLETE
trials are merged here; others are left out, as stated in the notes.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.trial import FrozenTrial

from sweep.study.parameters import Choice, Float, Int, Param, is_number
from sweep.study.space import Space
from sweep.study.trial import Scalar

MOST_STEPS = 12
"""A stepped float range with at most this many values becomes a choice, with more a range."""


@dataclass(frozen=True)
class Foreign:
    """Search space common to the COMPLETE trials of a study not created by lorasweep.

    Attributes:
        space: the parameters that all trials have, over the union of their ranges.
        notes: parameters left out or converted, one sentence each.
        readers: parameter name to the function that converts Optuna's value to the space's.
    """

    space: Space
    notes: tuple[str, ...]
    readers: dict[str, Callable[[Any], Scalar]]

    def values(self, trial: FrozenTrial) -> dict[str, Scalar]:
        """The trial's values of the space's parameters; missing ones are left out."""
        return {
            name: read(trial.params[name])
            for name, read in self.readers.items()
            if name in trial.params
        }


def foreign_space(complete: Sequence[FrozenTrial]) -> Foreign:
    """Search space that a study's COMPLETE trials were sampled from.

    Categorical choices are unchanged if they are strings, numbers or booleans that are pairwise
    unequal; otherwise those that are not strings are converted to text, with lists of names
    joined by ``+``. Ranges that differ between trials are merged to their union.
    """
    names = list(dict.fromkeys(name for trial in complete for name in trial.params))
    params: dict[str, Param] = {}
    readers: dict[str, Callable[[Any], Scalar]] = {}
    notes: list[str] = []
    for name in names:
        found = [t.distributions[name] for t in complete if name in t.params]
        if len(found) < len(complete):
            notes.append(
                f"{name} is left out: {len(complete) - len(found)} of the {len(complete)} "
                "complete trials do not have it."
            )
            continue
        made = _merged(name, list({_key(each): each for each in found}.values()))
        notes += made.notes
        if made.param is not None:
            params[name], readers[name] = made.param, made.read
    return Foreign(Space(params), tuple(notes), readers)


@dataclass(frozen=True)
class _Merged:
    """One parameter merged from the distributions of all trials; ``param`` is None if left out."""

    param: Param | None
    read: Callable[[Any], Scalar]
    notes: tuple[str, ...] = ()


def _key(distribution: BaseDistribution) -> str:
    """Key of a distribution; its own hash fails if a choice is a list."""
    return f"{type(distribution).__name__} {distribution}"


def _merged(name: str, found: Sequence[BaseDistribution]) -> _Merged:
    """One parameter from its distinct distributions."""
    changed = (f"{name} had {len(found)} ranges among the trials; their union is analysed.",)
    notes = changed if len(found) > 1 else ()
    if all(isinstance(each, CategoricalDistribution) for each in found):
        made = _choices(name, [choice for each in found for choice in each.choices])  # type: ignore[attr-defined]
    elif all(isinstance(each, IntDistribution) for each in found):
        made = _ints(found)  # type: ignore[arg-type]
    elif any(isinstance(each, CategoricalDistribution) for each in found):
        reason = f"{name} is left out: it was categorical in some trials and a number in others."
        return _Merged(None, str, (reason,))
    else:
        made = _floats(found)  # type: ignore[arg-type]
    return _Merged(made.param, made.read, (*notes, *made.notes))


def _ints(found: Sequence[IntDistribution]) -> _Merged:
    low, high = min(each.low for each in found), max(each.high for each in found)
    # The coarsest grid that contains the values of all distributions.
    step = math.gcd(*(each.step for each in found), *(each.low - low for each in found))
    log = all(each.log for each in found)
    return _Merged(Int(low, high, log=log, step=1 if log else max(step, 1)), int)


def _floats(found: Sequence[FloatDistribution | IntDistribution]) -> _Merged:
    low, high = float(min(d.low for d in found)), float(max(d.high for d in found))
    steps = {d.step for d in found}
    step = float(next(iter(steps)) or 0.0) if len(steps) == 1 else 0.0
    count = round((high - low) / step) + 1 if step else 0
    if not 0 < count <= MOST_STEPS or any((d.low - low) % step for d in found):
        return _Merged(Float(low, high, log=all(d.log for d in found)), float)
    grid = tuple(float(f"{low + i * step:.12g}") for i in range(count))
    # Optuna's values may differ from the grid's in the last digit.
    return _Merged(Choice(*grid), lambda v: grid[int(np.abs(np.subtract(grid, v)).argmin())])


def _choices(name: str, offered: Sequence[Any]) -> _Merged:
    """Merged categorical choices, compared as JSON since lists cannot be hashed."""
    distinct = list({_identity(choice): choice for choice in offered}.values())
    plain = [c for c in distinct if isinstance(c, (str, bool)) or is_number(c)]
    # 1, 1.0 and True are equal, so they cannot be distinct choices of one parameter.
    if len(plain) == len(distinct) == len(set(plain)):
        return _Merged(Choice(*distinct), lambda value: value)
    texts = [choice if isinstance(choice, str) else _text(choice) for choice in distinct]
    if len(set(texts)) < len(texts):
        texts = [_identity(choice) for choice in distinct]
    by_identity = dict(zip(map(_identity, distinct), texts, strict=True))
    odd = ", ".join(text for c, text in zip(distinct, texts, strict=True) if not isinstance(c, str))
    note = f"{name} has choices that are analysed as text: {odd}."
    return _Merged(Choice(*texts), lambda value: by_identity[_identity(value)], (note,))


def _identity(choice: Any) -> str:
    """A choice as JSON, in which a tuple equals the list that the storage returns."""
    return json.dumps(choice, default=repr)


def _text(choice: Any) -> str:
    """A choice as text; a list of names is joined by ``+`` like a target set."""
    if isinstance(choice, (list, tuple)) and choice and all(isinstance(c, str) for c in choice):
        return "+".join(choice)
    return str(choice)
