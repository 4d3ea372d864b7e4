"""The order of a design's runs: random, and such that whatever has been run is balanced."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from sweep.design.factors import Factor, Levels

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
