"""Which trials a figure draws where there are more than can be told apart."""

from __future__ import annotations

import random
from collections.abc import Sequence

from sweep.report.figures.figure import Tree

MOST_DRAWN = 2000
"""Trials that one figure draws: each takes 100 bytes of the page or more, and of dots beyond some
thousand most hide others."""


def are_many(of: Sequence[object]) -> bool:
    """Whether a figure draws only some of so many trials."""
    return len(of) > MOST_DRAWN


def thinned(of: Sequence[Tree], best: Sequence[int]) -> list[Tree]:
    """At most ``MOST_DRAWN`` of some trials, drawn at random and always the same; and the best.

    At random, since every so-and-so-many-th might be always the same seed of a design.

    Args:
        of: the trials, which stay in their order.
        best: numbers of the study's trials, the best first.
    """
    if not are_many(of):
        return list(of)
    chosen = set(random.Random(0).sample(range(len(of)), MOST_DRAWN))  # noqa: S311 - no secret
    return [trial for i, trial in enumerate(of) if i in chosen or trial["number"] in best[:1]]


def drawn_of(of: Sequence[Tree]) -> str:
    """What a caption says where ``thinned`` leaves trials out, after a space; else nothing."""
    if not are_many(of):
        return ""
    return (
        f" Drawn are {MOST_DRAWN:,} of these {len(of):,}, chosen at random, and the best; "
        "report.json has all, and whatever is a mean or a count is of all."
    )
