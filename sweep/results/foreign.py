"""Trials of a study that lorasweep did not make: the space they were drawn from, as far as known.

Plain Optuna lets every trial define its own distributions. What all COMPLETE trials share is
put together here; what they do not share is named in the notes, never dropped silently.
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
"""A stepped range of floats with so many values is a choice among them; with more, a range."""


@dataclass(frozen=True)
class Foreign:
    """What a foreign study's COMPLETE trials have in common.

    Attributes:
        space: the parameters that all of them have, over the union of their ranges.
        notes: what was left out or put differently, one sentence each.
        readers: parameter name to the function from Optuna's value to the space's.
    """

    space: Space
    notes: tuple[str, ...]
    readers: dict[str, Callable[[Any], Scalar]]

    def values(self, trial: FrozenTrial) -> dict[str, Scalar]:
        """The trial's values of the space's parameters, as far as it has them."""
        return {
            name: read(trial.params[name])
            for name, read in self.readers.items()
            if name in trial.params
        }


def foreign_space(complete: Sequence[FrozenTrial]) -> Foreign:
    """The space that COMPLETE trials were drawn from.

    Categorical choices stay as they are if they are strings, numbers or booleans that do not
    equal each other; else all choices of that parameter that are no strings are written out, a
    list of names joined by ``+``. Of ranges that changed on the way the union is taken.

    Args:
        complete: the study's COMPLETE trials.
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
    """One parameter put together from the distributions of all trials."""

    param: Param | None
    read: Callable[[Any], Scalar]
    notes: tuple[str, ...] = ()


def _key(distribution: BaseDistribution) -> str:
    """What tells distributions apart; their own hash fails where a choice is a list."""
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
    # Every value lies on the coarsest grid that holds all steps and all lower ends.
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
    # Optuna's own sums of steps differ from these in the last digit.
    return _Merged(Choice(*grid), lambda v: grid[int(np.abs(np.subtract(grid, v)).argmin())])


def _choices(name: str, offered: Sequence[Any]) -> _Merged:
    """Choices by name; JSON tells them apart, since a list cannot be hashed."""
    distinct = list({_identity(choice): choice for choice in offered}.values())
    plain = [c for c in distinct if isinstance(c, (str, bool)) or is_number(c)]
    # 1, 1.0 and True are equal: as choices of one parameter they could not be told apart.
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
    """A choice as JSON: a tuple is the list that it comes back as from a database."""
    return json.dumps(choice, default=repr)


def _text(choice: Any) -> str:
    """A choice for people; names in a list as a target set is written."""
    if isinstance(choice, (list, tuple)) and choice and all(isinstance(c, str) for c in choice):
        return "+".join(choice)
    return str(choice)
