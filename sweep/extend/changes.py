"""The three ways to extend a parameter.

New choices are appended, since Optuna stores a choice as its index in the list. A range may only be
widened, since every stored trial must stay inside it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from sweep.errors import SpecError, fault
from sweep.study.parameters import Choice, Float, Int, Param, TargetSets, is_number
from sweep.study.space import Space
from sweep.study.targets import canonical

Params = Mapping[str, Param]
Addition = Callable[[Params, str], tuple[str, Param, str]]
"""Takes all parameters and one text; returns a name, its new parameter, and the change as text.

Raises ``SpecError`` if the text is invalid.
"""

_OPTIONS = {Choice: "--add-choice", TargetSets: "--add-target", Int: "--widen", Float: "--widen"}
_NOTHING_NEW = "There is nothing to add"


def add_target(params: Params, text: str) -> tuple[str, Param, str]:
    """Add a target set, given as ``LABEL=SET`` or ``PARAM:LABEL=SET``."""
    left, sign, written = text.partition("=")
    prefix, colon, label = left.rpartition(":")
    if not (sign and label and written) or (colon and not prefix):
        rule, way_out = "be LABEL=SET or PARAM:LABEL=SET", "For example wide=query+key+value"
        raise SpecError(fault("--add-target", rule, text, way_out=way_out))
    name = prefix or _only_target_sets(params, text)
    old: TargetSets = _named(params, name, text, "--add-target")
    value = canonical(written, where=f"--add-target {text}")
    if value in old.values:
        where = f"{name} has it as {old.label(value)!r}"
        rule = "name a set of matrices that is not there yet"
        raise SpecError(fault("--add-target", rule, text, where=where, way_out=_NOTHING_NEW))
    taken = dict(old.sets).get(label)
    if taken is not None:
        rule, where = "have a label that is not taken", f"{name} has {label} = {canonical(taken)}"
        way_out = "Give the set another label"
        raise SpecError(fault("--add-target", rule, text, where=where, way_out=way_out))
    new = TargetSets.from_pairs([*old.sets, (label, written)])
    return name, new, f"{name}: + {label} = {value}"


def add_choice(params: Params, text: str) -> tuple[str, Param, str]:
    """Add a choice, given as ``PARAM=VALUE``."""
    name, sign, written = text.partition("=")
    if not (sign and name and written):
        way_out = "For example rank=16"
        raise SpecError(fault("--add-choice", "be PARAM=VALUE", text, way_out=way_out))
    old: Choice = _named(params, name, text, "--add-choice")
    value = _json_or_word(written)
    types = {type(known) for known in old.values}
    if type(value) not in types or (isinstance(value, float) and not is_number(value)):
        kinds = " or ".join(sorted(each.__name__ for each in types))
        rule = f"give {name} a finite value of a type that it has ({kinds})"
        way_out = 'Values are JSON: 2 is an int, 2.0 a float, true a bool, "2" and word are str'
        raise SpecError(fault("--add-choice", rule, value, where=text, way_out=way_out))
    if value in old.values:
        where = f"{name} has {', '.join(map(repr, old.values))}"
        rule = "name a value that is not there yet"
        raise SpecError(fault("--add-choice", rule, text, where=where, way_out=_NOTHING_NEW))
    return name, Choice(*old.values, value), f"{name}: + {value!r}"


def widen(params: Params, text: str) -> tuple[str, Param, str]:
    """Widen a range, given as ``PARAM=LOW:HIGH``."""
    name, sign, ends = text.partition("=")
    low, high = map(_number, ends.partition(":")[::2])
    if not (sign and name) or low is None or high is None:
        way_out = "For example learning_rate=1e-5:1e-2"
        raise SpecError(fault("--widen", "be PARAM=LOW:HIGH", text, way_out=way_out))
    old: Any = _named(params, name, text, "--widen")
    # An unchanged bound keeps its type: 1 and 1.0 give different digests.
    low = old.low if low == old.low else low
    high = old.high if high == old.high else high
    new: Int | Float = replace(old, low=low, high=high)
    faults = new.faults(name) or [*_not_wider(old, new, text), *_off_grid(old, new, text)]
    if faults:
        raise SpecError(faults)
    return name, new, f"{name}: {old.low}..{old.high} -> {new.low}..{new.high}"


def _named(params: Params, name: str, text: str, option: str) -> Any:
    """The parameter of that name; it must be of a kind that the option is for."""
    if name not in params:
        rule = f"name one of the parameters {', '.join(params)}"
        raise SpecError(fault(option, rule, name, where=text))
    param = params[name]
    fitting = _OPTIONS[type(param)]
    if fitting != option:
        kinds = " or ".join(kind.__name__ for kind, other in _OPTIONS.items() if other == option)
        where, way_out = f"{name} is of kind {type(param).__name__}", f"Use {fitting}"
        raise SpecError(fault(option, f"be for {kinds}", text, where=where, way_out=way_out))
    return param


def _only_target_sets(params: Params, text: str) -> str:
    """The only parameter of target sets, for a text that names none."""
    names = [name for name, param in params.items() if isinstance(param, TargetSets)]
    if len(names) == 1:
        return names[0]
    if names:
        rule = f"say which parameter it is for: {' or '.join(names)}"
        raise SpecError(fault("--add-target", rule, text, way_out=f"Write {names[0]}:{text}"))
    rule, where = "meet a space with TargetSets", f"its parameters are {', '.join(params)}"
    raise SpecError(fault("--add-target", rule, text, where=where))


def _json_or_word(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):  # no JSON, or nested too deeply
        return text


def _number(text: str) -> int | float | None:
    for kind in (int, float):
        with suppress(ValueError):
            return kind(text)
    return None


def _not_wider(old: Int | Float, new: Int | Float, text: str) -> Iterator[str]:
    """Faults of a range that is not wider than the old one."""
    where = f"it is {old.low}..{old.high}"
    if new.low > old.low or new.high < old.high:
        rule, way_out = "hold the whole range there is", "Trials may have any value of it"
        yield fault("--widen", rule, text, where=where, way_out=way_out)
    elif new == old:
        rule = "name a range wider than there is"
        yield fault("--widen", rule, text, where=where, way_out=_NOTHING_NEW)


def _off_grid(old: Int | Float, new: Int | Float, text: str) -> Iterator[str]:
    """Faults of a range whose steps miss stored values."""
    if isinstance(old, Int) and (old.low - new.low) % old.step:
        rule = f"keep to the steps of {old.step} through {old.low}"
        where, way_out = f"it is {old.low}..{old.high}", f"Lower it by a multiple of {old.step}"
        yield fault("--widen", rule, text, where=where, way_out=way_out)


@dataclass(frozen=True)
class Request:
    """What to add to a space, as given on the command line.

    Attributes:
        targets: ``LABEL=SET``, or ``PARAM:LABEL=SET`` if the space has several TargetSets.
        choices: ``PARAM=VALUE``; the value is JSON, or else a string.
        ranges: ``PARAM=LOW:HIGH``.
    """

    targets: tuple[str, ...] = ()
    choices: tuple[str, ...] = ()
    ranges: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        """Whether anything is requested."""
        return bool(self.targets or self.choices or self.ranges)

    def additions(self) -> Iterator[tuple[Addition, str]]:
        """The function for each text; texts of one kind keep their order."""
        yield from ((add_target, text) for text in self.targets)
        yield from ((add_choice, text) for text in self.choices)
        yield from ((widen, text) for text in self.ranges)


def extended(space: Space, request: Request) -> tuple[Space, list[str]]:
    """The space with the requested additions.

    Returns:
        The new space, and one sentence per change.

    Raises:
        SpecError: lists all faults of the request.

    Example:
        >>> from sweep import Choice
        >>> extended(Space({"rank": Choice(1, 2)}), Request(choices=("rank=4",)))[1]
        ['rank: + 4']
    """
    params = dict(space.params)
    changes: list[str] = []
    faults: list[str] = []
    for addition, text in request.additions():
        try:
            name, param, change = addition(params, text)
        except SpecError as error:
            faults.extend(error.faults)
        else:
            params[name] = param
            changes.append(change)
    if faults:
        raise SpecError(faults)
    return Space(params), changes
