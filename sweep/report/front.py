"""The trials that no other trial beats with fewer trained parameters."""

from __future__ import annotations

from collections.abc import Iterable

from sweep.rows import Row


def front(rows: Iterable[Row], sign: float) -> list[int]:
    """Numbers of the Pareto-optimal trials: few parameters, good value.

    Args:
        rows: the trials; those of unknown size are left out.
        sign: 1 where higher values are better, -1 where lower ones are.

    Returns:
        By rising size, and so by improving value.
    """
    sized = [(row.size, -sign * row.value, row.number) for row in rows if row.size is not None]
    best, found = float("inf"), []
    for _, loss, number in sorted(sized):
        if loss < best:
            best = loss
            found.append(number)
    return found
