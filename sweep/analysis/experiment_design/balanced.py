"""Balanced D-optimal design: equal level counts, Latin hypercube over ranges.

Of many random designs with equal level counts and a Latin hypercube over the ranges, the one
with the largest determinant of ``X'X`` is selected and improved by exchanges that keep the
counts. ``X`` has all main effects and, if there are enough configurations, the products of two
parameters.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Sequence

import numpy as np

from sweep._typing import FloatArray, IndexArray
from sweep.analysis.experiment_design.factors import Factor, affords_products, factors_of, model
from sweep.analysis.experiment_design.pilot import pilot_points
from sweep.study.design import Design, Pilot, Point
from sweep.study.space import Space
from sweep.study.trial import derived_seed

Counts = list[FloatArray]

EXCHANGES = 5000
"""Number of coordinate exchanges tried on the best random design."""

RIDGE = 1e-3
"""Ridge added to ``X'X`` so that designs with too few configurations can be compared."""

REPAIRS = 2000
"""Number of exchanges tried to remove repeated configurations."""


def in_run_order(
    factors: Sequence[Factor], levels: IndexArray, duplicates: int, rng: np.random.Generator
) -> list[int]:
    """Run order of a design's rows, including duplicates.

    At any point of the sweep, the counts of unordered levels (target sets) differ by about one,
    and those of ordered levels are nearly equal, so that drift over time affects all levels
    equally.

    Args:
        factors: the d factors.
        levels: the configurations, as indices into the factors' values, shape ``(n, d)``.
        duplicates: number of configurations run twice; balanced over the levels in the same way.
        rng: random generator that breaks ties.

    Returns:
        Row numbers, ``n + duplicates`` of them.
    """
    rows = list(range(len(levels)))
    twice = _balanced(factors, levels, rows, duplicates, rng)
    return _balanced(factors, levels, rows + twice, len(rows) + duplicates, rng)


def _balanced(
    factors: Sequence[Factor],
    levels: IndexArray,
    rows: Sequence[int],
    count: int,
    rng: np.random.Generator,
) -> list[int]:
    """Greedy selection of ``count`` rows, each time one whose levels were used least so far."""
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


def _turns(turns: Counts, levels: IndexArray, factors: Sequence[int]) -> FloatArray:
    """Number of earlier runs of each row's levels, summed over factors, shape ``(n,)``."""
    total = np.zeros(len(levels))
    for at in factors:
        total += turns[at][levels[:, at]]
    return total


def balanced_points(space: Space, design: Design) -> tuple[Point, ...]:
    """The runs of a design, in run order; deterministic.

    Returns:
        ``design.configurations`` distinct configurations (the whole space if it is smaller), of
        which ``design.duplicates`` appear again as replicate 1 with another seed.
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
    """D-criterion of columns, ``(n, p)``: log-determinant of ``X'X / n`` per column."""
    n, p = x.shape
    _, logarithm = np.linalg.slogdet((x.T @ x + RIDGE * np.eye(p)) / n)
    return float(logarithm / p)


def _best(
    factors: Sequence[Factor], n: int, total: int | None, tries: int, rng: np.random.Generator
) -> IndexArray:
    """Distinct configurations as indices into the factors' values, shape ``(n, d)``."""
    if total is not None and 2 * n > total:
        # Remove a balanced part from the full factorial, so that the rest is balanced too.
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


def _random(factors: Sequence[Factor], n: int, rng: np.random.Generator) -> IndexArray:
    """A random design with equal level counts, shape ``(n, d)``."""
    return np.column_stack([factor.spread(n, rng) for factor in factors])


def _exchanged(
    factors: Sequence[Factor], levels: IndexArray, rng: np.random.Generator
) -> IndexArray:
    """Swap one factor's levels between two configurations while that reduces correlations."""
    # The D-criterion alone favours the corners, where products are largest, and leaves some pairs
    # of levels nearly empty. With orthogonal columns of all degrees, pairs of levels are even.
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
    """Squared Frobenius distance of ``X'X / n`` from the identity; 0 for orthonormal columns."""
    return float(np.sum((gram / n - np.eye(len(gram))) ** 2))


def _distinct(
    factors: Sequence[Factor], levels: IndexArray, rng: np.random.Generator
) -> IndexArray:
    """Swap single levels, or else replace configurations by random ones, until none is repeated."""
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


def design_points(space: Space, design: Design | Pilot | None) -> tuple[Point, ...]:
    """The runs of a design or pilot, in run order; empty if ``design`` is None."""
    if design is None:
        return ()
    if isinstance(design, Pilot):
        return pilot_points(space, design)
    return balanced_points(space, design)
