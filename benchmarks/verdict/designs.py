"""Designs of simulated studies: balanced ones from a small pool, or random ones.

A balanced design takes as long as the analysis of a study. So a campaign draws the design of each
study from a small pool on disk, named after a digest of the code that made it.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.verdict.fingerprint import FRAMEWORK, digest
from benchmarks.verdict.surface import RANKS, RATES, SCALINGS, SETS
from sweep.analysis.experiment_design.balanced import balanced_points
from sweep.files.atomic import write_file
from sweep.study.design import Design
from sweep.study.parameters import Choice, Float
from sweep.study.space import Space
from sweep.study.trial import Scalar

POOL = 20
FOLDER = Path(__file__).parents[2] / "runs" / "verdict-designs"
SPLITS = {40: (36, 4), 80: (72, 8), 162: (150, 12), 240: (222, 18)}
"""Divides a number of trials into configurations and duplicates."""

_PARTS = ("experiment_design", "effects/model.py", "axes.py")
_CODE = digest(*(FRAMEWORK / "analysis" / name for name in _PARTS))


@dataclass(frozen=True)
class Runs:
    """The runs of a study, in order.

    Attributes:
        values: parameter values of each run.
        configurations: which configuration each run is of, from 0.
        seeds: each run's seed.
    """

    values: tuple[dict[str, Scalar], ...]
    configurations: tuple[int, ...]
    seeds: tuple[int, ...]


def space_of(ranks: tuple[int, ...] = RANKS, *, rate_varies: bool = True) -> Space:
    """The search space of a scenario."""
    rate = {"learning_rate": Float(*RATES, log=True)} if rate_varies else {}
    params = {"targets": Choice(*SETS), "rank": Choice(*ranks), "scaling": Choice(*SCALINGS)}
    return Space({**params, **rate})


def split(n: int, space: Space) -> tuple[int, int]:
    """The numbers of configurations and duplicates for ``n`` trials in a space of limited size."""
    configurations, duplicates = SPLITS.get(n, (n - round(0.075 * n), round(0.075 * n)))
    most = min(space.size() or n, configurations)
    return most, duplicates + configurations - most


def random_runs(space: Space, n: int, rng: np.random.Generator) -> Runs:
    """Independent configurations, the first few of them repeated."""
    configurations, duplicates = split(n, space)
    drawn: list[dict[str, Scalar]] = []
    for _ in range(configurations):
        unit = rng.random(len(space))
        drawn.append({name: _at(space[name], u) for name, u in zip(space, unit, strict=True)})
    which = (*range(configurations), *range(duplicates))
    return Runs(tuple(drawn[i] for i in which), which, tuple(range(n)))


def _at(param: Any, unit: float) -> Scalar:
    """The value at a share of the parameter's range."""
    if isinstance(param, Choice):
        return param.values[int(unit * len(param.values))]
    low, high = param.encode(param.low), param.encode(param.high)
    value: float = param.decode(low + unit * (high - low))
    return value


def balanced_runs(space: Space, n: int, rng: np.random.Generator) -> Runs:
    """One of the pool's balanced designs."""
    return pool(json.dumps(space.to_json()), n)[rng.integers(POOL)]


@cache
def pool(space: str, n: int) -> tuple[Runs, ...]:
    """The balanced designs of ``n`` trials in a space, read from disk if they exist."""
    key = hashlib.sha256(f"{space} {n} {POOL} {_CODE}".encode()).hexdigest()[:16]
    path = FOLDER / f"{n}-{key}.json"
    if not path.exists():
        made = [_balanced(Space.from_json(json.loads(space)), n, seed) for seed in range(POOL)]
        names = [field.name for field in fields(Runs)]
        write_file(
            path, json.dumps([{name: getattr(r, name) for name in names} for r in made]).encode()
        )
    trees = json.loads(path.read_text(encoding="utf-8"))
    return tuple(Runs(**{name: tuple(tree[name]) for name in tree}) for tree in trees)


def _balanced(space: Space, n: int, seed: int) -> Runs:
    design = Design(*split(n, space), seed=seed)
    points = balanced_points(space, design)
    return Runs(
        tuple(dict(point.values) for point in points),
        tuple(point.index for point in points),
        tuple(point.seed for point in points),
    )
