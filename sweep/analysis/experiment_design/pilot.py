"""The runs of a pilot study: replicates at the centre, each choice over the nuisance's range."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from sweep.study.design import PILOT_SUFFIX, Design, Pilot, Point
from sweep.study.parameters import Choice, Float, Int, Param, TargetSets
from sweep.study.space import Space
from sweep.study.spec import Budget, StudySpec
from sweep.study.trial import Scalar, derived_seed


def pilot_of(spec: StudySpec) -> StudySpec:
    """The pilot of a study, as a separate study that can be resumed.

    It varies the first claim's dominant parameter and its first nuisance with a range; without
    claims, the first target-set or categorical parameter and the learning rate.
    """
    seed = spec.design.seed if isinstance(spec.design, Design) else 0
    dominant, nuisance = _tried_out(spec)
    pilot = Pilot(dominant=dominant, nuisance=nuisance, seed=seed)
    return replace(
        spec,
        name=f"{spec.name}{PILOT_SUFFIX}",
        design=pilot,
        baselines=(),
        budget=Budget(trials=len(pilot_points(spec.space, pilot))),
    )


def _tried_out(spec: StudySpec) -> tuple[str, str]:
    """Names of the dominant parameter and of the nuisance; the nuisance is empty without one."""
    space = spec.space
    claims = spec.claims[:1]
    asked = [name for claim in claims for name in (claim.dominant,) if isinstance(name, str)]
    names = [name for name in space if isinstance(space[name], TargetSets)]
    named = [name for name in space if _is_unordered(space[name])]
    dominant = next(name for name in (*asked, *names, *named, *space) if name in space.params)
    wanted = [name for claim in claims for name in claim.nuisances] or ["learning_rate"]
    for name in wanted:
        param = space[name] if name in space.params and name != dominant else None
        if isinstance(param, (Float, Int)) and param.low < param.high:
            return dominant, name
    return dominant, ""


def pilot_points(space: Space, pilot: Pilot) -> tuple[Point, ...]:
    """The runs of a pilot study, in random order.

    Returns:
        ``pilot.choices`` choices of the dominant parameter, the first and last included, each
        with ``pilot.repeats`` seeds at the centre of the space; and every choice once at each of
        ``pilot.values`` values of the nuisance. Each run has its own seed.
    """
    centre = {name: central(space[name]) for name in space}
    choices = _choices(space[pilot.dominant])
    at = np.linspace(0, len(choices) - 1, min(pilot.choices, len(choices))).round().astype(int)
    runs = [
        {**centre, pilot.dominant: choice}
        for choice in (choices[place] for place in sorted(set(at.tolist())))
        for _ in range(pilot.repeats)
    ]
    if pilot.nuisance:
        runs += [
            {**centre, pilot.dominant: choice, pilot.nuisance: value}
            for value in nuisance_values(space[pilot.nuisance], pilot.values)
            for choice in choices
        ]
    rng = np.random.default_rng(derived_seed(pilot.seed, "pilot"))
    return _numbered([runs[place] for place in rng.permutation(len(runs))], pilot.seed)


def _numbered(runs: Sequence[Mapping[str, Scalar]], seed: int) -> tuple[Point, ...]:
    numbers: dict[str, int] = {}
    seen: Counter[int] = Counter()
    points = []
    for values in runs:
        index = numbers.setdefault(repr(sorted(values.items())), len(numbers))
        made = derived_seed(seed, "pilot", index, seen[index])
        points.append(Point(index, values, made, seen[index]))
        seen[index] += 1
    return tuple(points)


def nuisance_values(param: Param, count: int) -> list[Scalar]:
    """Evenly spaced values of a range on its (log) axis, ends included, without duplicates."""
    if not isinstance(param, (Float, Int)):
        return list(param.grid() or ())
    places = np.linspace(param.encode(param.low), param.encode(param.high), count)
    values: list[Scalar] = [param.decode(float(place)) for place in places]
    if count % 2:
        values[count // 2] = central(param)  # bitwise equal to the centre
    return list(dict.fromkeys(values))


def central(param: Param) -> Scalar:
    """The middle value of a numeric parameter; the first of an unordered one."""
    if isinstance(param, (Float, Int)):
        return param.decode((param.encode(param.low) + param.encode(param.high)) / 2)
    grid = list(param.grid() or ())
    return sorted(grid, key=float)[len(grid) // 2] if not _is_unordered(param) else grid[0]


def _is_unordered(param: Param) -> bool:
    return isinstance(param, TargetSets) or (isinstance(param, Choice) and not param.numeric)


def _choices(param: Param) -> list[Scalar]:
    """All choices of the dominant parameter; five values of a range or of more than 12 choices."""
    grid = param.grid()
    return nuisance_values(param, 5) if grid is None or len(grid) > 12 else list(grid)
