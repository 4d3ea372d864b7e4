"""A balanced design: equal counts of every level, strata for ranges, most information.

Of many random designs with equal level counts and a Latin hypercube over the ranges, the one
with the largest determinant of ``X'X`` is taken and improved by exchanges, which keep the
counts. ``X`` has all main effects and the products of two parameters.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from sweep.analysis.experiment_design.factors import (
    Factor,
    FloatArray,
    Levels,
    affords_products,
    factors_of,
    model,
)
from sweep.study.design import Design, Point
from sweep.study.space import Space
from sweep.study.trial import derived_seed

Counts = list[npt.NDArray[np.float64]]


def in_run_order(
    factors: Sequence[Factor], levels: Levels, duplicates: int, rng: np.random.Generator
) -> list[int]:
    """The rows of a design in the order of their runs, duplicates among them.

    Whenever a sweep stops, the names (target sets) have been run equally often but for one,
    and ordered levels nearly so: what a machine does in the course of a day falls on all alike.

    Args:
        factors: d of them.
        levels: the configurations, shape ``(n, d)``.
        duplicates: how many are run twice; spread over the names in the same way.
        rng: decides among equals.

    Returns:
        Row numbers, ``n + duplicates`` of them.
    """
    rows = list(range(len(levels)))
    twice = _balanced(factors, levels, rows, duplicates, rng)
    return _balanced(factors, levels, rows + twice, len(rows) + duplicates, rng)


def _balanced(
    factors: Sequence[Factor],
    levels: Levels,
    rows: Sequence[int],
    count: int,
    rng: np.random.Generator,
) -> list[int]:
    """So many of the rows, each time one whose levels had the fewest turns so far."""
    left = rng.permutation(np.array(rows, dtype=np.intp))
    discrete = [at for at, factor in enumerate(factors) if factor.kind != "range"]
    names = [at for at in discrete if factors[at].kind == "unordered"]
    turns = [np.zeros(len(factor.values)) for factor in factors]
    taken: list[int] = []
    while len(taken) < count:
        first = _turns(turns, levels[left], names or discrete)
        then = _turns(turns, levels[left], discrete)
        at = int(np.lexsort((then, first))[0])
        row = int(left[at])
        for factor, level in enumerate(levels[row]):
            turns[factor][level] += 1
        taken.append(row)
        left = np.delete(left, at)
    return taken


def _turns(turns: Counts, levels: Levels, factors: Sequence[int]) -> npt.NDArray[np.float64]:
    """How often the levels of each row have been run, summed over factors, shape ``(n,)``."""
    total = np.zeros(len(levels))
    for at in factors:
        total += turns[at][levels[:, at]]
    return total


EXCHANGES = 5000
"""Exchanges of two configurations' levels that are tried on the best random design."""

RIDGE = 1e-3
"""Keeps the determinant of too small a design above 0, so that even those are compared."""

REPAIRS = 2000
"""Exchanges that are tried to have no configuration twice."""


def balanced_points(space: Space, design: Design) -> tuple[Point, ...]:
    """The runs of a design, in the order they are to be run.

    Args:
        space: the parameters.
        design: how many configurations and duplicates, and the seed.

    Returns:
        The same for the same arguments: ``design.configurations`` distinct configurations
        (all there are, if a finite space has fewer), of which ``design.duplicates`` appear
        again as replicate 1 with another seed.
    """
    rng = np.random.default_rng(derived_seed(design.seed, "design"))
    size = space.size()
    n = design.configurations if size is None else min(size, design.configurations)
    factors = factors_of(space, n, rng)
    levels = _best(factors, n, size, design.tries, rng)
    duplicates = min(design.duplicates, n)
    rows = in_run_order(factors, levels, duplicates, rng)
    numbers: dict[int, int] = {}
    seen: Counter[int] = Counter()
    points = []
    for row in rows:
        index, replicate = numbers.setdefault(row, len(numbers)), seen[row]
        seen[row] += 1
        values = {f.name: f.values[at] for f, at in zip(factors, levels[row], strict=True)}
        seed = derived_seed(design.seed, "point", index, replicate)
        points.append(Point(index, values, seed, replicate))
    return tuple(points)


def information(x: FloatArray) -> float:
    """The logarithm of the determinant of ``X'X / n``, a column's share; 0 if orthonormal.

    Args:
        x: the model's columns, shape ``(n, p)``.
    """
    n, p = x.shape
    _, logarithm = np.linalg.slogdet((x.T @ x + RIDGE * np.eye(p)) / n)
    return float(logarithm / p)


def _best(
    factors: Sequence[Factor], n: int, total: int | None, tries: int, rng: np.random.Generator
) -> Levels:
    """Distinct configurations as indices into the factors' values, shape ``(n, d)``."""
    if total is not None and 2 * n > total:
        # What is left out of the whole factorial is balanced, so what stays is, too.
        whole = itertools.product(*(range(len(factor.values)) for factor in factors))
        out = _distinct(factors, _random(factors, total - n, rng), rng)
        left = {tuple(row) for row in out.tolist()}
        best = np.array([row for row in whole if row not in left], dtype=np.intp)
    else:
        products = affords_products(factors, n)
        found = (_random(factors, n, rng) for _ in range(tries))
        best = max(found, key=lambda at: information(model(factors, at, products=products)))
        best = _distinct(factors, best, rng)
    return _exchanged(factors, best, rng)


def _random(factors: Sequence[Factor], n: int, rng: np.random.Generator) -> Levels:
    """A random design with equal level counts, shape ``(n, d)``."""
    return np.column_stack([factor.spread(n, rng) for factor in factors])


def _exchanged(factors: Sequence[Factor], levels: Levels, rng: np.random.Generator) -> Levels:
    """Exchange two configurations' levels of one factor wherever that makes columns less alike.

    Information alone would crowd the corners, where products are largest, and leave some
    pairs of levels nearly empty. Orthogonal columns of all degrees are even pairs of levels.
    """
    n, products = len(levels), affords_products(factors, len(levels))
    x = model(factors, levels, products=products, full=True)
    gram, known = x.T @ x, {tuple(row) for row in levels.tolist()}
    least = _likeness(gram, n)
    for _ in range(EXCHANGES):
        pair, at = rng.choice(n, size=2, replace=False), int(rng.integers(len(factors)))
        rows = levels[pair]
        rows[:, at] = rows[::-1, at]
        new = {tuple(row) for row in rows.tolist()}
        if len(new) < 2 or new & known:
            continue
        was, now = x[pair], model(factors, rows, products=products, full=True)
        changed = gram - was.T @ was + now.T @ now
        reached = _likeness(changed, n)
        if reached < least - 1e-9:
            known -= {tuple(row) for row in levels[pair].tolist()}
            known |= new
            levels[pair], x[pair], gram, least = rows, now, changed, reached
    return levels


def _likeness(gram: FloatArray, n: int) -> float:
    """How far the columns are from orthonormal: the squared distance of ``X'X / n`` from one."""
    return float(np.sum((gram / n - np.eye(len(gram))) ** 2))


def _distinct(factors: Sequence[Factor], levels: Levels, rng: np.random.Generator) -> Levels:
    """Exchange single levels between configurations until none appears twice.

    Where no exchange helps, a configuration that is there already makes room for a random one.
    """
    count = Counter(map(tuple, levels.tolist()))
    for attempt in range(2 * REPAIRS):
        twice = [i for i, row in enumerate(levels.tolist()) if count[tuple(row)] > 1]
        if not twice:
            break
        rows = np.array([rng.choice(twice), rng.integers(len(levels))])[: 1 + (attempt < REPAIRS)]
        new = levels[rows]
        if attempt < REPAIRS:
            at = int(rng.integers(len(factors)))
            new[:, at] = new[::-1, at]
        else:
            new[0] = [rng.integers(len(factor.values)) for factor in factors]
        changed = count.copy()
        changed.subtract(map(tuple, levels[rows].tolist()))
        changed.update(map(tuple, new.tolist()))
        if len(+changed) >= len(+count):
            levels[rows], count = new, changed
    return levels
