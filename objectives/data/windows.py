"""Long chains cut into windows that a model can read, no residue lost or counted twice."""

from __future__ import annotations

import itertools
from dataclasses import dataclass


@dataclass(frozen=True)
class Window:
    """A stretch of a chain that the model reads at once; 0-based, stops excluded.

    Attributes:
        start: first residue read.
        stop: one past the last residue read.
        own_start: first residue whose label counts here.
        own_stop: one past the last residue whose label counts here.
    """

    start: int
    stop: int
    own_start: int
    own_stop: int


def cut_windows(length: int, limit: int, *, overlap: int | None = None) -> list[Window]:
    """Cut a chain into as few overlapping windows as its length needs.

    Neighbours overlap and each owns its half of the overlap, so that every residue is
    judged with context on both sides and by exactly one window.

    Args:
        length: residues of the chain.
        limit: residues that a window may hold.
        overlap: least residues that neighbours share; a quarter of the limit by default.

    Returns:
        Windows in order; together they own every residue once.

    Raises:
        ValueError: if ``length`` or ``limit`` is below 1, or the overlap fills a window.
    """
    shared = limit // 4 if overlap is None else overlap
    if length < 1 or limit < 1 or not 0 <= shared < limit:
        message = f"length and limit must be >= 1 and 0 <= overlap < limit, got {length}, {limit}"
        raise ValueError(f"{message}, {shared}.")
    if length <= limit:
        return [Window(0, length, 0, length)]
    count = -(-(length - shared) // (limit - shared))
    starts = [index * (length - limit) // (count - 1) for index in range(count)]
    # The border between neighbours lies in the middle of what both read.
    borders = [(left + limit + right) // 2 for left, right in itertools.pairwise(starts)]
    owned = zip([0, *borders], [*borders, length], strict=True)
    return [
        Window(start, start + limit, own_start, own_stop)
        for start, (own_start, own_stop) in zip(starts, owned, strict=True)
    ]
